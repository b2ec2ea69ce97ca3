/** What the doctor says of how changes of templates, account and preferences come, by what is known of the app's webhook. */
import t from 'tap'
import type { AppSubscription } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import type { WhatsAppFacts } from '../../plugin/checks/whatsapp-facts.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { TIMES } from '../../plugin/core/rules.ts'
import { accountEventsFinding, watchFinding } from '../../plugin/doctor/account-events.ts'
import { namer } from '../../plugin/doctor/finding.ts'

const HERE = 'https://puente.example.com/webhooks/whatsapp'
const named = namer('+34 611 000 000')
const ALL = ['messages', 'message_template_status_update', 'account_update', 'phone_number_quality_update']
const judge = (appSubscription: WhatsAppFacts['appSubscription']) =>
  accountEventsFinding(named, { appSubscription }, HERE)
const set = (change: Partial<AppSubscription>) =>
  judge({ ok: true, value: { callbackUrl: HERE, active: true, fields: ALL, ...change } })

t.test('the app’s own webhook leads here', async t => {
  t.match(set({}), { state: 'ok', says: /come by the app's webhook, and are read every 15 minutes/ })
  t.match(set({ fields: ['messages', 'account_update'] }), {
    state: 'warn',
    says: /leaves message_template_status_update, phone_number_quality_update out\. Templates, and the standing/,
    remedy: /tick message_template_status_update/
  })
  t.match(set({ active: false }), { state: 'warn', says: /switched off/, remedy: /connect again/ })
})

t.test(
  'it leads elsewhere, or there is none, or nobody can see it: polled, and what cannot be polled is said',
  async t => {
    const elsewhere = set({ callbackUrl: 'https://x.example.com/secret' })
    t.match(elsewhere, { state: 'ok', says: /sends its own webhooks elsewhere\. .*every 15 minutes/ })
    t.notMatch(elsewhere.says, /secret/)
    t.match(judge({ ok: true, value: null }), {
      state: 'warn',
      says: /has no webhook of its own/,
      remedy: /it makes one/
    })
    t.match(judge(null), { state: 'ok', says: /Without the app's id nobody can see/ })
    const unreadable = judge({ ok: false, error: new PuenteError('wa_token_invalid', { facts: { httpStatus: 401 } }) })
    t.match(unreadable, { state: 'warn', says: /cannot be read \(HTTP 401\)/, remedy: /App secret/ })
    t.notMatch(unreadable.says, /no webhook of its own/, 'what cannot be read is not claimed')
    for (const finding of [elsewhere, judge(null), judge({ ok: true, value: null }), unreadable])
      t.match(finding.says, /user_preferences\) cannot be polled/)
  }
)

t.test('the poll itself is looked after', async t => {
  const now = new Date('2026-11-29T12:00:00Z')
  const read = (ageMs: number, code: string | null = null) =>
    watchFinding(named, { wabaId: '1', readAt: new Date(now.getTime() - ageMs), code }, now)
  t.match(read(60_000), { state: 'ok', says: /1 minutes ago/ })
  t.match(read(4 * TIMES.numberPollMs), { state: 'warn', says: /60 minutes ago/, remedy: /Puente runs/ })
  t.match(read(60_000, 'wa_permission'), { state: 'warn', says: /wa_permission/ })
  t.match(watchFinding(named, undefined, now), { state: 'ok', says: /every 15 minutes/ })
})
