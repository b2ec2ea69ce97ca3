/**
 * The app behind the number: whose its own webhook is, which fields it is given, what is polled otherwise, and what is
 * promised of a number that stays in the phone's app.
 */
import t, { type Test } from 'tap'
import { createVault } from '../../adapters/vault/vault.ts'
import type { NumberRecord } from '../../plugin/core/ports/store.ts'
import { examine } from '../../plugin/doctor/doctor.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { failed, type Lab, openLab, type Ran } from './connect-lab.ts'

const found = (ran: Ran, id: string): Loose => ran.json.checks.find((check: Loose) => check.id === id)
const step = (ran: Ran, id: string): string | null => ran.json.steps.find((each: Loose) => each.id === id).did
const graphOf = (lab: Lab): Loose => lab.sandbox.graph.snapshot() as Loose
const configure = (lab: Lab, knobs: object): unknown => lab.sandbox.graph.configure(knobs as Loose)
const events = async (lab: Lab): Promise<string> =>
  (await lab.query('select account_events from numbers'))[0]?.account_events

const ELSEWHERE = 'https://crm.example.com/hooks/secret-path'
const takeCallback = (lab: Lab, fields: string[]): void => {
  graphOf(lab).subscription.appCallback = { url: ELSEWHERE, verifyToken: 'x', fields }
}

/** The number without its app's id. */
function withoutApp(lab: Lab): Loose {
  const file = lab.file()
  delete file.whatsapp.appId
  return file
}

t.test('the app’s webhook is another system’s: it stays, and that is said before and after', async t => {
  const lab = await openLab(t, { seed: 31 })
  takeCallback(lab, ['messages'])
  const ran = await lab.connect()
  t.equal(ran.code, 0)
  const { connected } = { connected: ran.json }
  t.equal(connected.accountEvents, 'poll')
  t.equal(step(ran, 'app_webhook'), null)
  t.equal(await events(lab), 'poll')
  t.match(graphOf(lab).subscription.appCallback, { url: ELSEWHERE, fields: ['messages'] }, 'not touched')
  t.match(found(ran, 'elsewhere.app_callback'), {
    state: 'warn',
    says: /another system: https:\/\/crm\.example\.com\./,
    remedy: /puente disconnect/
  })
  t.match(ran.json.changes.join('\n'), /come here instead of to https:\/\/crm\.example\.com,/)
  t.notMatch(JSON.stringify(ran.json), /secret-path/)
  t.match(found(ran, 'wa.fields_preferences'), { state: 'warn', says: /user_preferences.*leads elsewhere/ })
  t.notOk(found(ran, 'wa.fields'), 'messages come by the override')
  t.notOk(found(ran, 'wa.fields_phone_app'), 'not in the phone’s app')
})

t.test('a number in the phone’s app: what the app is not subscribed to is named, and not promised', async t => {
  const lab = await openLab(t, { seed: 32 })
  configure(lab, { onBizApp: true })
  takeCallback(lab, ['messages', 'history'])
  const ran = await lab.connect()
  t.match(found(ran, 'wa.fields_phone_app'), {
    state: 'warn',
    says: /the fields smb_message_echoes, smb_app_state_sync:/,
    remedy: /^Tick smb_message_echoes, smb_app_state_sync in the app/
  })
  t.match(ran.json.changes.join('\n'), /does not show in Chatwoot before the app is subscribed to smb_message_echoes/)
  const own = await openLab(t, { seed: 33 })
  configure(own, { onBizApp: true })
  const mended = await own.connect()
  t.notOk(found(mended, 'wa.fields_phone_app'), 'connecting subscribes to them')
  t.match(mended.json.changes.join('\n'), /\(coexistence\): what is written there shows in Chatwoot too\./)
  t.ok(own.held().appCallback.fields.includes('smb_message_echoes'))
  const blind = await openLab(t, { seed: 34 })
  configure(blind, { onBizApp: true })
  const unseen = await blind.connect(withoutApp(blind))
  t.match(found(unseen, 'wa.fields_phone_app'), { state: 'warn', says: /nobody can see/, remedy: /whatsapp\.appId/ })
  t.match(unseen.json.changes.join('\n'), /shows in Chatwoot too if the app is subscribed to smb_message_echoes/)
})

t.test('fields that Meta refuses to this app are named, the others come, and the next connect tries again', async t => {
  const lab = await openLab(t, { seed: 35 })
  const refusedFields = ['smb_app_state_sync', 'group_status_update', 'user_preferences']
  configure(lab, { refusedFields })
  const ran = await lab.connect()
  t.equal(ran.json.accountEvents, 'webhook', 'what the polls stand in for is there')
  t.match(
    step(ran, 'app_webhook'),
    /Meta does not give this app smb_app_state_sync, group_status_update, user_preferences$/
  )
  const { fields } = lab.held().appCallback
  for (const field of ['messages', 'message_template_status_update', 'account_update', 'history', 'security'])
    t.ok(fields.includes(field), field)
  for (const field of refusedFields) t.notOk(fields.includes(field), field)
  configure(lab, { refusedFields: ['user_preferences'] })
  const again = await lab.connect()
  t.match(step(again, 'app_webhook'), /Meta does not give this app user_preferences$/)
  t.ok(lab.held().appCallback.fields.includes('smb_app_state_sync'), 'given meanwhile')
  t.equal(new Set(lab.held().appCallback.fields).size, lab.held().appCallback.fields.length)
  configure(lab, { refusedFields: [] })
  await lab.connect()
  t.ok(lab.held().appCallback.fields.includes('user_preferences'))
  const mark = lab.mark()
  t.equal(step(await lab.connect(), 'app_webhook'), null, 'then nothing is left to do')
  t.same(lab.changes(mark), [])
})

t.test('an app that is refused every field has no webhook: polled, and tried again', async t => {
  const lab = await openLab(t, { seed: 36 })
  configure(lab, { refusedFields: ['messages'] })
  const ran = await lab.connect()
  t.equal(ran.code, 0)
  t.equal(ran.json.accountEvents, 'poll')
  t.match(step(ran, 'app_webhook'), /polled.*tried again by the next connect \(wa_invalid\)/)
  t.equal(lab.held().appCallback, null)
  configure(lab, { refusedFields: [] })
  t.equal((await lab.connect()).json.accountEvents, 'webhook')
})

t.test('a webhook that was switched off counts as none, and is switched on again', async t => {
  const lab = await openLab(t, { seed: 37 })
  await lab.connect()
  configure(lab, { appActive: false })
  const mark = lab.mark()
  const ran = await lab.connect()
  t.match(step(ran, 'app_webhook'), /sends changes of templates and account here/)
  t.ok(
    lab.changes(mark).some(name => /POST \/subscriptions/.test(name)),
    lab.changes(mark).join()
  )
  t.notOk(found(ran, 'wa.fields'), 'connecting mends it')
})

t.test('without the app’s id: polled; an account that lost its app is subscribed again', async t => {
  const lab = await openLab(t, { seed: 38 })
  const ran = await lab.connect(withoutApp(lab))
  t.equal(ran.code, 0)
  t.equal(ran.json.accountEvents, 'poll')
  t.equal(lab.held().subscribed, true)
  const mark = lab.mark()
  t.equal(step(await lab.connect(withoutApp(lab)), 'subscribe'), null)
  t.same(lab.changes(mark), [], 'nothing is done twice')
  graphOf(lab).subscription.wabaSubscribed = false
  lab.sandbox.faults.set([{ on: 'call:graph', kind: 'status', status: 403, match: 'GET /subscribed_apps', count: 1 }])
  t.equal(step(await lab.connect(withoutApp(lab)), 'subscribe'), null, 'what cannot be read is left')
  lab.sandbox.faults.set([])
  t.match(step(await lab.connect(withoutApp(lab)), 'subscribe'), /sends its webhooks to the app/)
  t.equal(lab.held().subscribed, true)
})

t.test('an app’s webhook that cannot be read is left alone', async t => {
  const lab = await openLab(t, { seed: 39 })
  lab.sandbox.faults.set([{ on: 'call:graph', kind: 'status', status: 403, match: 'GET /subscriptions' }])
  const ran = await lab.connect()
  lab.sandbox.faults.set([])
  t.equal(ran.code, 0)
  t.equal(ran.json.accountEvents, 'poll')
  t.equal(step(ran, 'app_webhook'), null)
  t.equal(lab.held().appCallback, null, 'nobody knows whose it would have been')
  t.notOk(found(ran, 'wa.fields'))
})

t.test('S8: a wrong app secret is told as that, whoever asks, and nothing else is claimed', async t => {
  const lab = await openLab(t, { seed: 40 })
  const secret = 'ffffffffffffffffffffffffffffffff'
  const check = async (t: Test, file: Loose): Promise<void> => {
    file.whatsapp.appSecret = secret
    const ran = await lab.connect(file)
    t.equal(ran.code, 1)
    t.match(failed(ran, 'wa.app_secret'), { remedy: /App secret from the app’s dashboard/ })
    for (const id of ['wa.account', 'wa.number', 'wa.token', 'wa.registered']) t.notOk(failed(ran, id), id)
    t.notMatch(ran.text, new RegExp(secret))
    t.notMatch(ran.text, /personal account/)
  }
  await check(t, lab.file())
  await check(t, withoutApp(lab))
  const other = lab.file()
  other.whatsapp.appId = '4711'
  const ran = await lab.connect(other)
  t.match(failed(ran, 'wa.app_secret'), { says: /app 4711/ })
})

t.test('S8: the doctor tells a secret that was changed at Meta, with and without the app’s id', async t => {
  const lab = await openLab(t, { seed: 42 })
  await lab.connect()
  const { database, bridge } = lab.runtime
  const [{ id, tokenHint, connectedAt, pausedCode, changedCursor, hookUrl, inboxTrouble, ...kept }] = (
    await bridge.numbers.list()
  ).numbers as [NumberRecord]
  void [id, tokenHint, connectedAt, pausedCode, changedCursor, hookUrl, inboxTrouble]
  const vault = createVault({ keys: [{ id: 1, key: Buffer.alloc(32, 9) }], current: 1 })
  for (const appId of [kept.appId, null]) {
    await bridge.numbers.saveNumber({ ...kept, appId, appSecrets: ['0123456789abcdef'] })
    const { checks } = await examine({
      database,
      numbers: bridge.numbers,
      vault,
      options: readOptions({ dataDir: '/tmp' }),
      hookPatienceMs: 200
    })
    const ofMeta = checks.filter(check => check.id.startsWith('wa.') && check.state === 'fail')
    t.match(
      ofMeta.map(check => check.id),
      ['wa.app_secret'],
      String(appId)
    )
    t.notMatch(JSON.stringify(checks), /0123456789abcdef/)
  }
})

t.test('a missing payment method hinders sending, not connecting', async t => {
  const lab = await openLab(t, { seed: 41 })
  const health = (code: number) =>
    configure(lab, {
      health: 'BLOCKED',
      healthErrors: [{ code, description: 'There is a fault.', solution: 'Mend it at Meta.' }]
    })
  health(141014)
  const refused = await lab.connect()
  t.equal(refused.code, 1)
  t.match(failed(refused, 'wa.health'), { says: /may not send\. There is a fault\. Mend it at Meta\./ })
  health(141006)
  const ran = await lab.connect()
  t.equal(ran.code, 0)
  t.match(found(ran, 'wa.health'), { state: 'warn', says: /payment method; what customers write comes in/ })
  t.match((await lab.query('select can_send, health_codes from numbers'))[0], {
    can_send: 'BLOCKED',
    health_codes: [141006]
  })
})
