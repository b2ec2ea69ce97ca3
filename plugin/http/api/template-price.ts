/** What a template will cost, as the tab says it: free or charged, and what this account paid lately for such messages. */
import { countryOfCustomer } from '../../core/country.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import type { CustomerView } from '../../core/ports/talk-store.ts'
import { type MeasuredRate, priceOf } from '../../core/rates.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { RULES } from '../../core/rules.ts'
import { formatDays, nameCountry } from '../../core/texts/format.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import { windowState } from '../../core/window.ts'
import type { TemplatePrice, TemplateSummary } from '../contract/template.ts'
import { phoneOf } from './conversation.ts'
import type { ApiDeps } from './deps.ts'
import type { FillContext } from './templates.ts'

export async function describePrice(
  deps: ApiDeps,
  context: FillContext,
  category: TemplateSummary['category']
): Promise<TemplatePrice> {
  const { number, customer, picture, locale } = context
  const now = numberNow(deps.bridge, number)
  const { free, rate } = priceOf({
    category,
    country: countryOfCustomer(customer?.ids ?? null, phoneOf(customer, picture) ?? context.phone ?? null),
    windowOpen: windowState({ lastInboundAt: customer?.windowFrom ?? null, now }).open,
    freeEntryUntil: await freeEntryUntil(deps, number, customer),
    now,
    rates: await deps.bridge.rates.list(number.wabaId)
  })
  return {
    category,
    sentence: text(locale, free === null ? `tab.price.${category}` : `tab.price.free_${free}`),
    free: free !== null,
    amount: rate?.amountPerMessage ?? null,
    currency: rate?.currency ?? null,
    basis: rate === null ? null : describeBasis(locale, rate)
  }
}

async function freeEntryUntil(
  deps: ApiDeps,
  number: ServedNumber,
  customer: CustomerView | null
): Promise<Date | null> {
  const since = customer === null ? null : await deps.talk.freeEntryAt(number.id, customer.customerId)
  return since === null ? null : new Date(since.getTime() + RULES.freeEntryPointHours.value * 3_600_000)
}

function describeBasis(locale: Locale, { country, messages, from, to }: MeasuredRate): TemplatePrice['basis'] {
  return {
    sentence: text(locale, 'tab.price.basis', {
      country: nameCountry(locale, country),
      period: formatDays(locale, from, to)
    }),
    country,
    messages,
    from: from.toISOString(),
    to: to.toISOString()
  }
}
