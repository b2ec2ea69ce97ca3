/** A number at WhatsApp: token, rights, standing, where its webhooks go, templates, what is proven. Changes nothing. */

import type { HttpClient } from '../../adapters/http/types.ts'
import type { Graph } from '../../adapters/whatsapp-cloud/graph-call.ts'
import type { CheckResult } from '../checks/check.ts'
import { attempt, valueOr } from '../checks/read.ts'
import { judgeWhatsApp } from '../checks/whatsapp.ts'
import { readWhatsAppFacts, type WhatsAppFacts } from '../checks/whatsapp-facts.ts'
import type { ErrorCode } from '../core/errors.ts'
import { ERROR_TABLE } from '../core/errors.ts'
import type { NumberWatchState } from '../core/ports/number-watch.ts'
import type { RateState } from '../core/ports/rates.ts'
import type { MirrorState } from '../core/ports/templates.ts'
import type { ServedNumber } from '../core/registry.ts'
import { TIMES } from '../core/rules.ts'
import { explainToAdmin } from '../core/texts/describe.ts'
import { accountEventsFinding, watchFinding } from './account-events.ts'
import { type Finding, type Named, namer } from './finding.ts'
import { clockFinding } from './ground.ts'

export interface NumberChecksDeps {
  graph: Graph
  http: HttpClient
  now: () => Date
  /** Where Meta is to send webhooks, if that is known without the inbox. */
  callbackUrl: string | null
  /** Inboxes and apps that came to want the number, too, since it was connected. */
  rivals(facts: WhatsAppFacts): Promise<CheckResult[]>
  mirror: MirrorState | undefined
  /** What its account paid, as far as it was read. */
  rates: RateState | undefined
  /** How lately Meta was asked what it thinks of the account's numbers. */
  watch: NumberWatchState | undefined
  /** What is proven by traffic or by the probe. */
  proof: { hook: Date | null; inbound: Date | null; answer: Date | null } | null
}

export async function checkNumber(deps: NumberChecksDeps, number: ServedNumber): Promise<Finding[]> {
  const about = number.displayPhoneNumber || number.phoneNumberId
  const named = namer(about)
  const asked = { phoneNumberId: number.phoneNumberId, wabaId: number.wabaId, appId: number.appId }
  const facts = await readWhatsAppFacts(deps.graph, number.access, asked)
  const findings = judgeWhatsApp(facts, { ...asked, callbackUrl: deps.callbackUrl }).map((result): Finding => {
    const away = result.id === 'wa.answers' && result.state === 'fail'
    return { ...result, about, ...(away ? { unreachable: true as const } : {}) }
  })
  if (facts.number.ok) {
    findings.push(...qualityFindings(named, facts.number.value.quality))
    findings.push(callbackFinding(named, facts, deps.callbackUrl), subscriptionFinding(named, facts, number))
    findings.push(accountEventsFinding(named, facts, deps.callbackUrl), watchFinding(named, deps.watch, deps.now()))
    findings.push(...(await deps.rivals(facts)).map(result => ({ ...result, about })))
    findings.push(...(await graphClock(deps, number, about)))
  }
  findings.push(...mirrorFindings(named, deps), rateFinding(named, deps), ...stateFindings(named, deps, number))
  return findings
}

function qualityFindings({ ok, warn }: Named, quality: string | undefined): Finding[] {
  const id = 'wa.quality'
  if (quality === 'RED')
    return [
      warn(
        id,
        'Meta rates the quality of this number low: customers block or report its messages.',
        'Send fewer marketing templates, and only to people who asked for them; limits fall otherwise.'
      )
    ]
  if (quality === 'YELLOW')
    return [
      warn(
        id,
        'Meta rates the quality of this number as medium.',
        'Watch which templates customers block in WhatsApp Manager.'
      )
    ]
  return [ok(id, quality === 'GREEN' ? 'Its quality is high.' : 'Its quality is not rated yet.')]
}

/** Nearest first: number, WABA, app (contract §1). */
function callbackFinding({ ok, fail, warn }: Named, facts: WhatsAppFacts, callbackUrl: string | null): Finding {
  const id = 'wa.callback'
  const { number: own, waba, app } = valueOr(facts.number, null)?.webhooks ?? {}
  const goesTo = own ?? waba ?? app
  if (goesTo === undefined)
    return fail(id, "Meta sends this number's webhooks nowhere.", 'Run puente connect again for this number.')
  if (callbackUrl === null)
    return warn(
      id,
      'Where its webhooks should go is not known yet.',
      'Let Puente run for five minutes, then ask again.'
    )
  if (goesTo === callbackUrl) return ok(id, "Meta sends this number's webhooks here.")
  const origin = URL.canParse(goesTo) ? new URL(goesTo).origin : 'another address'
  return fail(
    id,
    `Meta sends this number's webhooks to ${origin} instead: somebody took the callback away.`,
    'Disconnect the number there, then run puente connect again here.'
  )
}

function subscriptionFinding({ ok, fail, warn }: Named, { apps }: WhatsAppFacts, number: ServedNumber): Finding {
  const id = 'wa.subscribed'
  if (!apps.ok)
    return warn(
      id,
      'Whether the WhatsApp account is subscribed cannot be read.',
      'Give the token whatsapp_business_management.'
    )
  const subscribed = number.appId === null ? apps.value.length > 0 : apps.value.some(app => app.id === number.appId)
  return subscribed
    ? ok(id, 'The WhatsApp account is subscribed.')
    : fail(
        id,
        'The WhatsApp account is no longer subscribed to the app: Meta sends nothing.',
        'Run puente connect again for this number; Meta does not deliver what was missed.'
      )
}

async function graphClock({ http, now }: NumberChecksDeps, number: ServedNumber, about: string): Promise<Finding[]> {
  const sentAt = now().getTime()
  const startedMs = performance.now()
  const answer = await attempt(() => http.request({ method: 'GET', url: `${number.graphUrl}/`, timeoutMs: 10_000 }))
  const date = answer.ok ? Date.parse(String(answer.value.headers['date'] ?? '')) : Number.NaN
  if (Number.isNaN(date)) return []
  return [clockFinding(`WhatsApp, for ${about}`, 'wa.clock', date + 500 - sentAt - (performance.now() - startedMs) / 2)]
}

function mirrorFindings({ ok, warn }: Named, { mirror, now }: NumberChecksDeps): Finding[] {
  const id = 'templates.mirror'
  if (mirror === undefined || mirror.readAt === null)
    return [
      warn(
        id,
        mirror?.readCode == null
          ? 'Its templates were never read.'
          : `Its templates cannot be read (${mirror.readCode}).`,
        'Let Puente run for a minute; if it stays so, check the token for whatsapp_business_management.'
      )
    ]
  const ageMs = now().getTime() - mirror.readAt.getTime()
  if (mirror.readCode !== null || ageMs > 3 * TIMES.templatePollMs)
    return [
      warn(
        id,
        `Its templates were last read ${Math.round(ageMs / 60_000)} minutes ago${mirror.readCode === null ? '' : ` (${mirror.readCode} since)`}.`,
        'Check that Puente runs, and the token for whatsapp_business_management.'
      )
    ]
  if (mirror.inboxCode === 'needs_admin')
    return [
      warn(
        id,
        "Templates are not shown in Chatwoot's own picker: that takes an administrator's token.",
        "Run puente connect again with an administrator's token; Puente's own tab works meanwhile."
      )
    ]
  if (mirror.inboxCode !== null)
    return [
      warn(
        id,
        `Templates could not be written into the inbox (${mirror.inboxCode}).`,
        'It comes again by itself; see the other findings of this number.'
      )
    ]
  const left = mirror.leftOut === 0 ? '' : `; ${mirror.leftOut} more need Puente's tab`
  return [ok(id, `${mirror.shown} of its templates are in Chatwoot's picker${left}.`)]
}

/** A comfort of the tab: nothing else waits for it. */
function rateFinding({ ok, warn }: Named, { rates }: NumberChecksDeps): Finding {
  const id = 'wa.prices'
  if (rates !== undefined && rates.code !== null) {
    const says = `What its messages cost cannot be read (${rates.code}); the tab shows ${rates.rates === 0 ? 'no prices' : 'the last ones known'}.`
    return warn(
      id,
      says,
      'Give the token whatsapp_business_management, if that is missing; it is tried again by itself.'
    )
  }
  if (rates === undefined || rates.readAt === null)
    return ok(id, 'What its messages cost is read within minutes while Puente runs.')
  if (rates.rates === 0) return ok(id, 'Nothing was charged in the last 30 days, so the tab shows no prices.')
  return ok(id, 'What its messages cost lately is known.')
}

function stateFindings({ ok, warn, fail }: Named, { proof }: NumberChecksDeps, number: ServedNumber): Finding[] {
  const findings: Finding[] = []
  const code = number.pausedCode
  if (code !== null) {
    const says = code in ERROR_TABLE ? explainToAdmin(code as ErrorCode) : `It is paused (${code}).`
    findings.push(
      fail(
        'number.paused',
        `It is paused: ${says}`,
        'Mend what is named here and above; work goes on where it stopped, without a restart.'
      )
    )
  } else findings.push(ok('number.paused', 'It is not paused.'))
  if (proof !== null) {
    const missing = [
      ...(proof.hook === null && proof.answer === null ? ['a hook of Chatwoot'] : []),
      ...(proof.inbound === null ? ["a customer's message"] : []),
      ...(proof.answer === null ? ['an answer with its tick'] : [])
    ]
    findings.push(
      missing.length === 0
        ? ok('number.proven', 'Both directions are proven.')
        : warn(
            'number.proven',
            `It is connected but unproven: ${missing.join(' and ')} ${missing.length === 1 ? 'has' : 'have'} not been seen yet.`,
            'Write to the number from a phone, and answer in Chatwoot.'
          )
    )
  }
  return findings
}
