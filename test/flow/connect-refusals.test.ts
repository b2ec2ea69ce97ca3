/** What connecting finds before it changes anything: each thing missing has a sentence and a remedy, and nothing is made. */
import t, { type Test } from 'tap'
import type { Loose } from '../support/puente.ts'
import { failed, openLab } from './connect-lab.ts'

const lab = await openLab(t)
const { sandbox } = lab
const desk = sandbox.config()['desk'] as Loose
const graph = (knobs: object): unknown => sandbox.graph.configure(knobs as Loose)

/** Runs connect and sees that nothing at all was changed on either side or stored; gives the check that failed. */
async function refuse(t: Test, file: Loose, id: string, code = 1): Promise<Loose> {
  const before = lab.held()
  const mark = lab.mark()
  const ran = await lab.connect(file)
  t.equal(ran.code, code, 'exit code')
  t.same(lab.changes(mark), [], 'nothing was changed')
  t.same(lab.held(), before, 'neither side holds anything new')
  t.same(await lab.query('select 1 from numbers'), [], 'nothing is stored')
  const check = failed(ran, id)
  t.ok(check, `${id} failed`)
  t.match(check?.remedy ?? '', /\w/, 'with a remedy')
  return check ?? {}
}

function changed(change: (file: Loose) => void): Loose {
  const file = lab.file()
  change(file)
  return file
}

t.test('S8: an agent’s token', async t => {
  const file = changed(each => {
    each.chatwoot.token = desk.agentToken
  })
  const check = await refuse(t, file, 'desk.administrator')
  t.match(check.says, /Bea Agent is an agent, not an administrator/)
  t.match(check.remedy, /token of an administrator/)
})

t.test('a token that Chatwoot does not know, and an account that it has not', async t => {
  const unknown = changed(each => {
    each.chatwoot.token = 'nobody'
  })
  t.match((await refuse(t, unknown, 'desk.token')).remedy, /Profile settings/)
  const elsewhere = changed(each => {
    each.chatwoot.accountId = 77
  })
  t.match(await refuse(t, elsewhere, 'desk.token'), { says: /no account 77/, remedy: /1 \(Puente Lab\)/ })
})

t.test('S1: a Chatwoot that is too old; one that signs no hooks is only warned of', async t => {
  sandbox.desk.configure({ version: '4.1.0' })
  t.match(await refuse(t, lab.file(), 'desk.version'), { says: /4\.1\.0 is too old/, remedy: /4\.13\.0/ })
  sandbox.desk.configure({ version: '4.16.2' })
})

t.test('a Chatwoot that refuses private addresses for hooks', async t => {
  sandbox.desk.configure({ refusePrivateHooks: true })
  const check = await refuse(t, lab.file(), 'desk.reaches_puente')
  t.match(check, { says: /private address/, remedy: /SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true/ })
  sandbox.desk.configure({ refusePrivateHooks: false })
})

t.test('nothing answers: exit code 3', async t => {
  const nowhere = changed(each => {
    each.chatwoot.url = 'http://127.0.0.1:9'
  })
  t.match(await refuse(t, nowhere, 'desk.answers', 3), { says: /does not answer at http:\/\/127\.0\.0\.1:9/ })
  sandbox.faults.set([{ on: 'call:graph', kind: 'status', status: 503, match: 'GET /phone', count: 1 }])
  await refuse(t, lab.file(), 'wa.answers', 3)
  sandbox.faults.set([])
})

t.test('S8: a token without whatsapp_business_messaging, or without the account', async t => {
  graph({ scopes: ['whatsapp_business_management'] })
  const check = await refuse(t, lab.file(), 'wa.scope.whatsapp_business_messaging')
  t.match(check, { says: /lacks whatsapp_business_messaging/, remedy: /tick whatsapp_business_messaging/ })
  graph({ scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'] })
  const other = changed(each => {
    each.whatsapp.wabaId = '123456789'
  })
  t.match(await refuse(t, other, 'wa.scope.whatsapp_business_management'), { remedy: /Assign account 123456789/ })
})

t.test('a revoked token, and an app secret that does not fit', async t => {
  graph({ token: 'expired' })
  t.match(await refuse(t, lab.file(), 'wa.token'), { says: /expired or revoked/, remedy: /system user/ })
  graph({ token: 'valid' })
  const wrong = changed(each => {
    each.whatsapp.appSecret = '0123456789abcdef'
  })
  await refuse(t, wrong, 'wa.app_secret')
})

t.test('a number that is not registered', async t => {
  graph({ numberStatus: 'DISCONNECTED' })
  const check = await refuse(t, lab.file(), 'wa.registered')
  t.match(check, { says: /not registered/, remedy: /six-digit PIN/ })
  graph({ numberStatus: null })
})

t.test('S16: a personal account has no such id, and the sentence says so', async t => {
  const personal = changed(each => {
    each.whatsapp.phoneNumberId = '99900011122'
  })
  t.match(await refuse(t, personal, 'wa.number'), { says: /personal account/i, remedy: /phone number id/ })
})

t.test('S12, S18: a native WhatsApp inbox of Chatwoot has the number', async t => {
  const { displayPhoneNumber } = (sandbox.config()['graph'] as Loose).numbers[0]
  const phone = `+${displayPhoneNumber.replace(/\D/g, '')}`
  const { inboxId } = sandbox.desk.act({ act: 'nativeInbox', phone, name: 'WhatsApp of old' }) as Loose
  const check = await refuse(t, lab.file(), 'elsewhere.native')
  t.match(check, { says: /WhatsApp of old/, remedy: new RegExp(`Delete inbox ${inboxId}`) })
  await desked('DELETE', `inboxes/${inboxId}`)
})

t.test('S12: another Puente has marked an inbox', async t => {
  const { phoneNumberId } = lab.file().whatsapp
  const additional_attributes = { puente: { phoneNumberId, installation: 'another' } }
  const channel = { type: 'api', webhook_url: 'https://other.example.com/hook', additional_attributes }
  const inbox = await desked('POST', 'inboxes', { name: 'WhatsApp', channel })
  const check = await refuse(t, lab.file(), 'elsewhere.puente')
  t.match(check, { says: /Another Puente/, remedy: /puente disconnect/ })
  await desked('DELETE', `inboxes/${inbox.id}`)
})

t.test('S12: the callback override of the number, or of the whole account, leads elsewhere', async t => {
  const state = sandbox.graph.snapshot() as Loose
  state.numbers[0].overrideUri = 'https://other.example.com/secret-path'
  const check = await refuse(t, lab.file(), 'elsewhere.override')
  t.match(check, { says: /https:\/\/other\.example\.com\.$/, remedy: /override_callback_uri/ })
  t.notMatch(JSON.stringify(check), /secret-path/)
  state.numbers[0].overrideUri = null
  Object.assign(state.subscription, { wabaSubscribed: true, wabaOverrideUri: 'https://waba.example.com/x' })
  t.match(await refuse(t, lab.file(), 'elsewhere.override'), { says: /whole WhatsApp account/ })
  Object.assign(state.subscription, { wabaSubscribed: false, wabaOverrideUri: null })
})

t.test('Meta would not call an address that is no https, and Puente must answer there', async t => {
  const { checkPublicAddress, checkPuenteAnswers } = await import('../../plugin/checks/addresses.ts')
  const { createHttpClient } = await import('../../adapters/http/client.ts')
  t.match(await checkPublicAddress('http://puente.example.com', false), { state: 'fail', says: /only https/ })
  t.match(await checkPublicAddress('https://127.0.0.1', false), { state: 'fail', says: /private address/ })
  t.match(await checkPublicAddress(`https://${'a'.repeat(60)}.example.com/${'b'.repeat(100)}`, false), {
    state: 'fail'
  })
  t.match(await checkPublicAddress('https://93.184.215.14/wa', false), { state: 'ok' })
  const http = createHttpClient()
  t.match(await checkPuenteAnswers(http, 'http://127.0.0.1:9'), { state: 'fail', says: /ECONNREFUSED/ })
  t.match(await checkPuenteAnswers(http, sandbox.deskUrl), { state: 'fail', says: /HTTP 404/ })
  t.match(await checkPuenteAnswers(http, lab.url), { state: 'ok' })
  http.close()
})

t.test('S22: without --yes and without a person nothing is accepted', async t => {
  await t.rejects(lab.connect(lab.file(), { json: true }), { code: 'config_invalid' })
  t.same(await lab.query('select 1 from acceptances'), [])
})

t.test('other apps, a pending name and coexistence are told, and hinder nothing', async t => {
  graph({
    nameStatus: 'PENDING_REVIEW',
    onBizApp: true,
    otherApps: [{ id: '777', name: 'Other bridge', override: 'https://other.example.com/its-own' }]
  })
  const { code, json } = await lab.connect()
  t.equal(code, 0)
  const warned = (id: string): Loose => json.checks.find((each: Loose) => each.id === id && each.state === 'warn')
  t.match(warned('elsewhere.apps'), { says: /Other bridge/ })
  t.match(warned('wa.display_name'), { says: /not approved the display name/, remedy: /review/ })
  t.match(json.changes.join('\n'), /coexistence.*\n.*20 messages a second/, 'S15: what changes for the phone')
  const [row] = await lab.query('select throughput_per_second, on_business_app from numbers')
  t.match(row, { throughput_per_second: 20, on_business_app: true })
})

async function desked(method: string, path: string, body?: unknown): Promise<Loose> {
  const answer = await fetch(`${sandbox.deskUrl}/api/v1/accounts/1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', api_access_token: desk.adminToken },
    body: body === undefined ? undefined : JSON.stringify(body)
  })
  return answer.json()
}
