/**
 * Whether what the manifest offers in a desk is still there as connecting made it: dashboard app, label, attributes and
 * the rule of each inbox. People change and delete these, and Chatwoot tells nobody. Folders are left out: only their
 * maker sees them. Changes nothing.
 */
import type { AccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import { labelsInbox } from '../checks/label-rule.ts'
import { attempt, valueOr } from '../checks/read.ts'
import type { DeskAccess } from '../core/ports/help-desk.ts'
import type { ServedNumber } from '../core/registry.ts'
import { readManifest } from '../manifest.ts'
import { type Finding, namer } from './finding.ts'

export interface OffersAsked {
  about: string
  access: DeskAccess
  /** Rules are shown to administrators only. */
  administrator: boolean
  /** Of this desk. */
  numbers: readonly ServedNumber[]
  /** Whether connecting made a rule for the number; the stand-in's numbers go without (sandbox-number.ts). */
  hasRule(number: ServedNumber): boolean
}

export async function checkOffers(account: AccountSetup, asked: OffersAsked): Promise<Finding> {
  const { ok, warn } = namer(asked.about)
  const id = 'desk.offers'
  const wrong = await listWrong(account, asked)
  if (wrong === null)
    return warn(id, 'Its lists of labels, attributes and apps cannot be read.', 'Try again in a minute.')
  if (wrong.length === 0) return ok(id, 'Tab, label, attributes and rules are there as connecting made them.')
  return warn(
    id,
    `Somebody changed or removed what connecting made: ${wrong.join(', ')}.`,
    "Run puente connect again with an administrator's token: what is missing is made anew. An attribute of another type has to be deleted first (Settings, Custom Attributes)."
  )
}

/** In words; null when the desk does not show its lists. */
async function listWrong(
  account: AccountSetup,
  { access, administrator, numbers, hasRule }: OffersAsked
): Promise<string[] | null> {
  const { offers } = readManifest()
  const labelled = numbers.filter(hasRule)
  const [apps, attributes, contactKeys, labels, rules] = await Promise.all([
    attempt(() => account.listApps(access)),
    attempt(() => account.listAttributes(access)),
    attempt(() => account.listContactAttributes(access)),
    attempt(() => account.listLabels(access)),
    administrator ? attempt(() => account.listRules(access)) : null
  ])
  if (!apps.ok || !attributes.ok || !contactKeys.ok || !labels.ok) return null
  const wrong: string[] = []
  const bases = new Set(numbers.flatMap(number => number.hookUrl?.replace(/\/webhooks\/chatwoot\/[^/]*$/, '') ?? []))
  const { title, path } = offers.dashboardApp
  const leadsHere = (url: string): boolean =>
    bases.size === 0 ? url.endsWith(path) : [...bases].some(base => url === `${base}${path}`)
  if (!apps.value.some(app => app.urls.some(leadsHere))) wrong.push(`the dashboard app ${title}`)
  for (const { key, type } of offers.attributes) {
    const found = attributes.value.find(each => each.name === key)
    if (found === undefined) wrong.push(`the attribute ${key}`)
    else if (found.row['attribute_display_type'] !== type) wrong.push(`the type of the attribute ${key}`)
  }
  if (!contactKeys.value.includes(offers.contactLink.key)) wrong.push(`the attribute ${offers.contactLink.key}`)
  if (labelled.length > 0 && !labels.value.some(each => each.name === offers.label.title)) {
    wrong.push(`the label ${offers.label.title}`)
  }
  if (rules?.ok === true) {
    for (const number of labelled) {
      const active = valueOr(rules, []).some(({ row }) => labelsInbox(row, number.inboxId, offers.label.title))
      if (!active) wrong.push(`the rule that labels inbox ${number.inboxId}`)
    }
  }
  return wrong
}
