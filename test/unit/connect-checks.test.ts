/** What checks say, from facts alone. */
import t from 'tap'
import type { NumberDetails } from '../../adapters/whatsapp-cloud/management.ts'
import type { AppSubscription } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { nameTimeZone } from '../../adapters/whatsapp-cloud/time-zones.ts'
import { judgeMembership } from '../../plugin/checks/desk.ts'
import { readDeskFacts } from '../../plugin/checks/desk-facts.ts'
import { findAppCallback, judgeRivals } from '../../plugin/checks/elsewhere.ts'
import { compareVersions, judgeVersion } from '../../plugin/checks/version.ts'
import { judgeWhatsApp } from '../../plugin/checks/whatsapp.ts'
import type { WhatsAppFacts } from '../../plugin/checks/whatsapp-facts.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { readManifest } from '../../plugin/manifest.ts'

t.test('versions are compared by number, and a suffix does not count', t => {
  t.ok(compareVersions('4.9.0', '4.13.0') < 0)
  t.ok(compareVersions('4.16.2', '4.16.2') === 0)
  t.ok(compareVersions('5.0', '4.99.9') > 0)
  t.ok(compareVersions('4.17.0-rc1', '4.17.0') === 0)
  t.end()
})

t.test('S1: the range of the manifest decides: too old fails, unsigned and unknown are said', t => {
  const { host } = readManifest()
  t.match(judgeVersion('4.1.9', host), { state: 'fail', remedy: /4\.13\.0/ })
  t.match(judgeVersion('4.12.0', host), { state: 'warn', says: /does not sign/ })
  t.match(judgeVersion(null, host), { state: 'warn' })
  t.match(judgeVersion('4.16.2', host), { state: 'ok', says: 'Chatwoot 4.16.2.' })
  for (const other of ['4.13.0', '4.18.0'])
    t.match(judgeVersion(other, host), { state: 'ok', says: /recorded on 4\.16\.2, npm run conformance/ })
  t.end()
})

t.test('S26: every time zone that Meta numbers is one that dates can be written in', t => {
  for (let id = 1; id <= 141; id++) {
    const name = nameTimeZone(String(id))
    t.ok(name, `number ${id}`)
    t.doesNotThrow(() => new Intl.DateTimeFormat('en', { timeZone: name! }), name!)
  }
  t.equal(nameTimeZone('1'), 'America/Los_Angeles')
  t.equal(nameTimeZone('25'), 'America/Sao_Paulo')
  t.equal(nameTimeZone('55'), 'Europe/Madrid')
  for (const none of ['0', '142', '', 'x', null, undefined]) t.equal(nameTimeZone(none), null)
  t.end()
})

const asked = { phoneNumberId: '1', wabaId: '2', appId: '3' }
const number = {
  id: '1',
  displayPhoneNumber: '+34 611 000 000',
  throughputPerSecond: 80,
  status: 'CONNECTED',
  platformType: 'CLOUD_API',
  nameStatus: 'APPROVED',
  canSend: 'AVAILABLE',
  problems: [] as string[],
  webhooks: {}
}

function facts(change: Partial<NumberDetails>, more: Partial<WhatsAppFacts> = {}): WhatsAppFacts {
  return {
    number: { ok: true, value: { ...number, ...change } },
    waba: { ok: true, value: { id: '2', problems: [] } },
    wabaNumbers: { ok: true, value: [{ id: '1', displayPhoneNumber: number.displayPhoneNumber }] },
    apps: { ok: true, value: [] },
    token: null,
    appSubscription: null,
    ...more
  }
}

const find = (given: WhatsAppFacts, id: string) => judgeWhatsApp(given, asked).find(check => check.id === id)

t.test('S5: a pending name is a warning, for a number of Meta’s own a refusal', t => {
  t.match(find(facts({ nameStatus: 'PENDING_REVIEW' }), 'wa.display_name'), { state: 'warn' })
  const ofMeta = { nameStatus: 'PENDING_REVIEW', displayPhoneNumber: '+1 555-012-3456' }
  t.match(find(facts(ofMeta), 'wa.display_name'), { state: 'fail' })
  t.match(find(facts({ nameStatus: 'DECLINED' }), 'wa.display_name'), { state: 'warn', says: /declined/ })
  t.match(find(facts({}), 'wa.display_name'), { state: 'ok' })
  t.end()
})

t.test('restrictions and health are told with what Meta says', t => {
  t.match(find(facts({ status: 'RATE_LIMITED' }), 'wa.registered'), { state: 'warn' })
  t.match(find(facts({ status: 'BANNED' }), 'wa.registered'), { state: 'fail' })
  t.match(find(facts({ platformType: 'ON_PREMISE' }), 'wa.registered'), { state: 'fail' })
  const blocked = { canSend: 'BLOCKED', problems: ['The payment is missing. Add a card.'] }
  t.match(find(facts(blocked), 'wa.health'), { state: 'fail', says: /Add a card/ })
  t.match(find(facts({ canSend: 'LIMITED' }), 'wa.health'), { state: 'warn' })
  t.end()
})

t.test('an app whose webhook leaves messages out is named', t => {
  const subscription = (value: AppSubscription | null): Partial<WhatsAppFacts> => ({
    appSubscription: { ok: true, value }
  })
  const other = { callbackUrl: 'https://x.example.com', active: true, fields: ['account_update'] }
  t.match(find(facts({}, subscription(other)), 'wa.fields'), { state: 'warn', remedy: /Tick messages/ })
  t.equal(find(facts({}, subscription({ ...other, fields: ['messages'] })), 'wa.fields'), undefined)
  t.equal(find(facts({}, subscription(null)), 'wa.fields'), undefined, 'it will be made')
  t.end()
})

t.test('fields are named by what is lost without them, and what connecting mends is not told', t => {
  const OURS = 'https://ours.example.com'
  const app = (change: Partial<AppSubscription>): Partial<WhatsAppFacts> => ({
    appSubscription: { ok: true, value: { callbackUrl: OURS, active: true, fields: ['messages'], ...change } }
  })
  const judged = (given: WhatsAppFacts, more: object = { callbackUrl: OURS }) =>
    judgeWhatsApp(given, { ...asked, ...more }).filter(check => check.id.startsWith('wa.fields'))
  const phone = { isOnBusinessApp: true }
  t.match(judged(facts({}, app({}))), [
    {
      id: 'wa.fields_preferences',
      state: 'warn',
      says: /the field user_preferences: who stops/,
      remedy: /connect again/
    }
  ])
  t.same(
    judged(facts(phone, app({ fields: ['messages', 'user_preferences', 'history'] }))).map(check => check.says),
    [
      "The app's webhook is not subscribed to the fields smb_message_echoes, smb_app_state_sync: what is written in the WhatsApp Business app does not show in Chatwoot as it should."
    ]
  )
  t.same(
    judged(facts(phone, app({ active: false }))).map(check => check.id),
    ['wa.fields', 'wa.fields_phone_app', 'wa.fields_preferences'],
    'switched off: nothing comes'
  )
  t.same(judged(facts(phone, app({ active: false })), { callbackUrl: OURS, mends: [OURS] }), [])
  const away = facts({}, app({ callbackUrl: 'https://x.example.com', fields: ['messages', 'user_preferences'] }))
  t.match(judged(away), [{ id: 'wa.fields_preferences', says: /leads elsewhere/ }], 'ticked, but not for us')
  t.match(judged(facts(phone)), [{ id: 'wa.fields_phone_app', says: /nobody can see/ }])
  t.same(judged(facts({})), [])
  t.end()
})

t.test('S8: a wrong app secret is told as that; an unknown number only where Meta says so', t => {
  const error = (code: 'wa_app_secret' | 'wa_invalid' | 'wa_permission' | 'wa_number_unregistered', facts: object) =>
    ({ ok: false, error: new PuenteError(code, { facts: { ...facts } }) }) as const
  const ids = (given: WhatsAppFacts) =>
    judgeWhatsApp(given, asked).flatMap(each => (each.state === 'fail' ? each.id : []))
  const proof = error('wa_app_secret', { metaCode: 100, httpStatus: 400 })
  const all = { number: proof, waba: proof, wabaNumbers: proof, apps: proof }
  t.same(ids(facts({}, all)), ['wa.app_secret'], 'without the app’s id')
  const refused = error('wa_permission', { metaCode: 190 })
  t.same(ids(facts({}, { ...all, token: refused, appSubscription: refused })), ['wa.app_secret'])
  t.same(ids(facts({}, { token: refused, waba: error('wa_invalid', {}), number: error('wa_invalid', {}) })), [
    'wa.app_secret'
  ])
  const unseen = (code: 'wa_invalid' | 'wa_permission' | 'wa_number_unregistered', given: object) =>
    find(facts({}, { number: error(code, given) }), 'wa.number')?.says
  t.match(unseen('wa_permission', { metaCode: 100, metaSubcode: 33 }), /knows no number 1 .*personal account/)
  t.match(unseen('wa_number_unregistered', { metaCode: 33 }), /knows no number 1/)
  t.match(unseen('wa_invalid', { metaCode: 100, httpStatus: 400 }), /cannot see number 1 \(HTTP 400\)/)
  t.end()
})

t.test('blocked for the bill alone is a warning', t => {
  const blocked = (healthCodes: number[]) =>
    find(facts({ canSend: 'BLOCKED', problems: ['No card.'], ...{ healthCodes } }), 'wa.health')
  t.match(blocked([141006]), { state: 'warn', says: /payment method; what customers write comes in\. No card\./ })
  t.match(blocked([141006, 141014]), { state: 'fail' })
  t.match(blocked([]), { state: 'fail' })
  const value = { id: '2', canSend: 'BLOCKED', problems: [], healthCodes: [141006] }
  t.match(find(facts({}, { waba: { ok: true, value } }), 'wa.account'), { state: 'warn' })
  t.end()
})

t.test('S12: an app whose own webhook is another system’s is told, by whatever shows it', t => {
  const theirs = 'https://crm.example.com/secret'
  t.equal(findAppCallback(facts({ webhooks: { app: theirs } }), []), 'https://crm.example.com')
  t.equal(findAppCallback(facts({ webhooks: { app: theirs } }), [theirs]), null)
  t.equal(findAppCallback(facts({}), []), null)
  const value = { callbackUrl: theirs, active: true, fields: [] }
  t.equal(findAppCallback(facts({}, { appSubscription: { ok: true, value } }), []), 'https://crm.example.com')
  t.end()
})

t.test('every check that is not well has a remedy, and every sentence ends', t => {
  const broken = { ok: false, error: new PuenteError('wa_permission', { facts: { httpStatus: 403 } }) } as const
  const cases = [
    facts({ status: 'DISCONNECTED', nameStatus: 'EXPIRED', canSend: 'BLOCKED' }),
    { number: broken, waba: broken, wabaNumbers: broken, apps: broken, token: broken, appSubscription: broken },
    facts({}, { wabaNumbers: { ok: true, value: [] } })
  ]
  for (const each of cases) {
    for (const check of judgeWhatsApp(each, asked)) {
      t.match(check.says, /[.]$/, check.id)
      if (check.state !== 'ok') t.match(check.remedy ?? '', /[.]$/, check.id)
    }
  }
  t.end()
})

const asRead = <T>(value: T) => ({ ok: true, value }) as const
const inbox = (more: object) => ({
  id: 9,
  name: 'WhatsApp',
  channelType: 'Channel::Api',
  phoneNumber: null,
  webhookUrl: null,
  attributes: {},
  hasPicture: false,
  ...more
})

t.test('S12: rivals are looked for in every account that the owner of the token administers', async t => {
  const lists: Record<number, ReturnType<typeof inbox>[]> = {
    1: [],
    2: [inbox({ channelType: 'Channel::Whatsapp', phoneNumber: '+34611000000' })],
    3: [inbox({ id: 4, attributes: { puente: { phoneNumberId: '1', installation: 'other' } } })]
  }
  const asked: number[] = []
  const account = {
    async readAccount() {
      return { name: 'One', locale: 'en' }
    },
    async listInboxes({ accountId }: { accountId: number }) {
      asked.push(accountId)
      if (lists[accountId] === undefined) throw new PuenteError('desk_forbidden')
      return lists[accountId]
    }
  }
  const setup = {
    readVersion: async () => '4.16.2',
    readProfile: async () => ({
      id: 1,
      name: 'Ada',
      email: null,
      administrator: true,
      accounts: [
        { id: 1, name: 'One', role: 'administrator' },
        { id: 2, name: 'Two', role: 'administrator' },
        { id: 3, name: 'Three', role: 'administrator' },
        { id: 4, name: 'Gone', role: 'administrator' },
        { id: 5, name: 'Only answers', role: 'agent' }
      ]
    })
  }
  const access = { url: 'https://desk.example.com', accountId: 1, token: 'x' }
  const desk = await readDeskFacts({ setup, account } as unknown as Parameters<typeof readDeskFacts>[0], access)
  t.same(asked.sort(), [1, 2, 3, 4], 'not where they only answer')
  const rivals = judgeRivals(desk, facts({}), { phoneNumberId: '1', installation: 'ours', appId: '3' })
  const say = (id: string) => rivals.find(check => check.id === id)
  t.match(say('elsewhere.native'), { state: 'fail', says: /in account 2 \(Two\) has the number/ })
  t.match(say('elsewhere.puente'), { state: 'fail', says: /inbox 4 .*in account 3 \(Three\)/ })
  const alone = { inboxes: asRead([]), otherAccounts: [] }
  for (const check of judgeRivals(alone, facts({}), { phoneNumberId: '1', installation: 'ours', appId: '3' })) {
    t.equal(check.state, 'ok', check.id)
  }
})

t.test('S8: the inboxes of which an agent is no member are named; an administrator sees all', t => {
  const profile = (administrator: boolean) =>
    asRead({ id: 1, name: 'Bea', email: null, administrator, accounts: [] as never[] })
  const numbers = [
    { displayPhoneNumber: '+34 611 000 000', phoneNumberId: '1', inboxId: 9 },
    { displayPhoneNumber: '', phoneNumberId: '2', inboxId: 10 }
  ]
  const inboxes = asRead([inbox({})])
  t.match(judgeMembership({ profile: profile(false), inboxes }, numbers), [
    { id: 'desk.member', state: 'fail', says: /: 2 \(10\)\.$/ }
  ])
  t.match(judgeMembership({ profile: profile(false), inboxes }, numbers.slice(0, 1)), [{ state: 'ok' }])
  t.same(judgeMembership({ profile: profile(true), inboxes }, numbers), [])
  t.end()
})
