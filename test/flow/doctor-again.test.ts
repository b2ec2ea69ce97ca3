/** What connecting checked once and may change later: `puente doctor` asks it again, on a number that is connected. */
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { createVault } from '../../adapters/vault/vault.ts'
import { examine } from '../../plugin/doctor/doctor.ts'
import type { Diagnosis, Finding } from '../../plugin/doctor/finding.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { type Lab, openLab } from './connect-lab.ts'

const vault = createVault({ keys: [{ id: 1, key: Buffer.alloc(32, 9) }], current: 1 })

const diagnose = (lab: Lab): Promise<Diagnosis> =>
  examine({
    database: lab.runtime.database,
    numbers: lab.runtime.bridge.numbers,
    vault,
    options: readOptions({ dataDir: '/tmp' }),
    hookPatienceMs: 1_500
  })
const find = (diagnosis: Diagnosis, id: string): Finding | undefined => diagnosis.checks.find(each => each.id === id)
const number = (lab: Lab) => lab.runtime.bridge.registry.numbers()[0]!

async function ask(lab: Lab, method: string, path: string, body?: Loose): Promise<Loose> {
  const { adminToken } = lab.sandbox.config()['desk'] as Loose
  const answer = await fetch(`${lab.sandbox.deskUrl}/api/v1/accounts/1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', api_access_token: adminToken },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? null : JSON.parse(text)
}

async function connected(t: Test, seed: number): Promise<Lab> {
  const lab = await openLab(t, { seed })
  t.equal((await lab.connect()).code, 0)
  await lab.until('it is served', () => lab.runtime.bridge.registry.numbers().length === 1)
  await lab.runtime.deskWatch.run()
  await lab.until('the note is gone', () => (lab.sandbox.desk.view() as Loose).conversations.length === 0)
  return lab
}

/** A port at which nobody answers. */
function deadPort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

t.test('on an idle desk the address of the hooks is tried all the same, and nothing is left in the desk', async t => {
  const lab = await connected(t, 51)
  const before = lab.held()
  t.match(find(await diagnose(lab), 'inbox.hook'), { state: 'ok', says: /Nobody wrote today.*reaches the address/ })
  t.match(find(await diagnose(lab), 'puente.answers'), { state: 'ok' })
  t.same(lab.held(), before)

  lab.sandbox.desk.configure({ refusePrivateHooks: true })
  t.match(find(await diagnose(lab), 'inbox.hook'), { state: 'fail', remedy: /SAFE_FETCH_ALLOW_PRIVATE_NETWORK/ })
  lab.sandbox.desk.configure({ refusePrivateHooks: false })
  lab.sandbox.faults.set([{ on: 'call:desk', kind: 'status', status: 429, match: 'upload' }])
  t.match(find(await diagnose(lab), 'inbox.hook'), { state: 'warn' }, 'what cannot be told is not called well')
  lab.sandbox.faults.set([])

  // A reverse proxy that died: the inbox still leads to it.
  const { inboxId, inboxKey } = number(lab)
  const dead = `http://127.0.0.1:${await deadPort()}/wa`
  await ask(lab, 'PATCH', `inboxes/${inboxId}`, { channel: { webhook_url: `${dead}/webhooks/chatwoot/${inboxKey}` } })
  await lab.runtime.deskWatch.run()
  const down = await diagnose(lab)
  t.match(find(down, 'inbox.hook_url'), { state: 'ok' })
  t.match(find(down, 'inbox.hook'), { state: 'fail', remedy: /\w/ })
  t.match(find(down, 'puente.answers'), { state: 'fail', says: /ECONNREFUSED/, remedy: /proxy and its certificate/ })
})

t.test('S12: a rival inbox or app that came later is named', async t => {
  const lab = await connected(t, 52)
  const { phoneNumberId, displayPhoneNumber } = number(lab)
  const well = await diagnose(lab)
  for (const id of ['elsewhere.native', 'elsewhere.puente', 'elsewhere.apps']) t.match(find(well, id), { state: 'ok' })

  const phone = `+${displayPhoneNumber.replace(/\D/g, '')}`
  const { inboxId } = lab.sandbox.desk.act({ act: 'nativeInbox', phone, name: 'WhatsApp of somebody' }) as Loose
  const puente = { phoneNumberId, installation: 'another' }
  const channel = { type: 'api', webhook_url: 'https://other.example.com/x', additional_attributes: { puente } }
  const other = await ask(lab, 'POST', 'inboxes', { name: 'Other', channel })
  lab.sandbox.graph.configure({ otherApps: [{ id: '777', name: 'Other bridge' }] } as Loose)
  const found = await diagnose(lab)
  t.match(find(found, 'elsewhere.native'), { state: 'fail', remedy: new RegExp(`Delete inbox ${inboxId}`) })
  t.match(find(found, 'elsewhere.puente'), { state: 'fail', says: new RegExp(`inbox ${other.id}`) })
  t.match(find(found, 'elsewhere.apps'), { state: 'warn', says: /Other bridge/ })
})

t.test('what connecting made in the desk and somebody changed is named, and made anew by connecting again', async t => {
  const lab = await connected(t, 53)
  t.match(find(await diagnose(lab), 'desk.offers'), { state: 'ok' })
  const rows = async (path: string): Promise<Loose[]> => {
    const answer = await ask(lab, 'GET', path)
    return Array.isArray(answer) ? answer : answer.payload
  }
  const says = async (): Promise<string> => {
    const finding = find(await diagnose(lab), 'desk.offers')!
    t.match(finding, { state: 'warn', remedy: /connect again/ })
    return finding.says
  }

  const [rule] = await rows('automation_rules')
  await ask(lab, 'PATCH', `automation_rules/${rule.id}`, { active: false })
  t.match(await says(), new RegExp(`: the rule that labels inbox ${number(lab).inboxId}\\.$`))
  t.equal((await lab.connect()).code, 0)
  t.match(find(await diagnose(lab), 'desk.offers'), { state: 'ok' }, 'a rule that was switched off is on again')
  t.equal((await rows('automation_rules')).length, 1)

  const [app] = await rows('dashboard_apps')
  await ask(lab, 'PATCH', `dashboard_apps/${app.id}`, {
    dashboard_app: { title: 'WhatsApp', content: [{ type: 'frame', url: 'https://elsewhere.example.com/' }] }
  })
  const [label] = await rows('labels')
  await ask(lab, 'DELETE', `labels/${label.id}`)
  const attribute = (await rows('custom_attribute_definitions')).find(row => row.attribute_key === 'wa_origin')
  await ask(lab, 'DELETE', `custom_attribute_definitions/${attribute.id}`)
  await ask(lab, 'DELETE', `automation_rules/${rule.id}`)
  const told = await says()
  for (const what of ['the dashboard app WhatsApp', 'the attribute wa_origin', 'the label whatsapp', 'the rule that'])
    t.ok(told.includes(what), what)
  t.equal((await lab.connect()).code, 0)
  t.match(find(await diagnose(lab), 'desk.offers'), { state: 'ok' })

  const date = (await rows('custom_attribute_definitions')).find(row => row.attribute_key === 'wa_window_expires_at')
  await ask(lab, 'PATCH', `custom_attribute_definitions/${date.id}`, {
    custom_attribute_definition: { attribute_display_type: 'text' }
  })
  t.match(await says(), /the type of the attribute wa_window_expires_at/)
})
