/** `puente doctor`: each thing that can be wrong outside is found, told in a sentence, and comes with a remedy. */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test as Tap } from 'tap'
import { createVault } from '../../adapters/vault/vault.ts'
import { type DoctorDeps, diagnoseGround, examine } from '../../plugin/doctor/doctor.ts'
import { type Diagnosis, exitCodeOf, type Finding } from '../../plugin/doctor/finding.ts'
import { printDiagnosis } from '../../plugin/doctor/print.ts'
import { PuenteError } from '../../plugin/index.ts'
import { readOptions } from '../../plugin/options.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, deskOf, query } from './talk.ts'

const vault = createVault({ keys: [{ id: 1, key: Buffer.alloc(32, 7) }], current: 1 })
/** The test database does not flush; everything else must be well. */
const KNOWN = new Set(['database.fsync', 'database.full_page_writes', 'disk.free'])

t.test('the doctor', async t => {
  const flow = await startFlow(t)
  const { bridge, database } = flow.runtime
  const number = () => bridge.registry.numbers()[0]!
  await beginTalk(flow)
  await flow.settle()
  await flow.runtime.deskWatch.run()
  await flow.runtime.refresh()

  const diagnose = (more: Partial<DoctorDeps> = {}, options: Loose = {}): Promise<Diagnosis> =>
    examine({
      database,
      numbers: bridge.numbers,
      vault,
      options: readOptions({ dataDir: '/tmp', ...options }),
      hookPatienceMs: 1_500,
      ...more
    })
  const find = (diagnosis: Diagnosis, id: string): Finding | undefined => diagnosis.checks.find(each => each.id === id)
  const expect = async (
    t: Tap,
    id: string,
    state: 'warn' | 'fail',
    says: RegExp,
    remedy: RegExp,
    more: Partial<DoctorDeps> = {}
  ): Promise<Diagnosis> => {
    const diagnosis = await diagnose(more)
    const found = find(diagnosis, id)
    t.match(found, { state, says, remedy }, id)
    return diagnosis
  }
  const askGraph = async (method: string, path: string, body?: Loose): Promise<void> => {
    const answer = await fetch(`${flow.sandbox.graphUrl}/v25.0/${path}`, {
      method,
      headers: { authorization: `Bearer ${number().token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  }
  const editInbox = async (channel: Loose): Promise<void> => {
    const { account, token } = deskOf(flow)
    await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${account}/inboxes/${number().inboxId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', api_access_token: token },
      body: JSON.stringify({ channel })
    })
  }

  await t.test('when all is well it says so, check by check', async t => {
    const diagnosis = await diagnose()
    const troubles = diagnosis.checks.filter(each => each.state !== 'ok' && !KNOWN.has(each.id))
    t.same(
      troubles.filter(each => !/^(number.proven|templates.mirror)$/.test(each.id)),
      []
    )
    for (const id of [
      'puente.running',
      'puente.answers',
      'database.clock',
      'database.connections',
      'redis.used',
      'desk.answers',
      'desk.version',
      'desk.token',
      'desk.administrator',
      'desk.clock',
      'desk.pace',
      'desk.offers',
      'inbox.hook_url',
      'inbox.hook_secret',
      'inbox.hook',
      'wa.token',
      'wa.scope.whatsapp_business_messaging',
      'wa.registered',
      'wa.quality',
      'wa.callback',
      'wa.subscribed',
      'wa.account_events',
      'wa.clock',
      'templates.mirror',
      'number.paused',
      'number.proven'
    ])
      t.ok(find(diagnosis, id), id)
    t.match(find(diagnosis, 'inbox.hook'), { says: /arrives after \d+ ms/ })
    const text = printDiagnosis(diagnosis) + JSON.stringify(diagnosis)
    for (const secret of [number().token, number().desk.token, number().hookSecret!, ...number().appSecrets])
      t.notOk(text.includes(secret), 'no secret is told')
    for (const each of diagnosis.checks) if (each.state !== 'ok') t.ok(each.remedy, `${each.id} comes with a remedy`)
  })

  await t.test('WhatsApp: token, rights, standing', async t => {
    await flow.door('graph', { token: 'expired' })
    await expect(t, 'wa.token', 'fail', /expired or revoked/, /new token/)
    await flow.door('graph', { token: 'valid', scopes: ['whatsapp_business_management'] })
    await expect(t, 'wa.scope.whatsapp_business_messaging', 'fail', /lacks whatsapp_business_messaging/, /tick/)
    await flow.door('graph', {
      scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
      numberStatus: 'RATE_LIMITED',
      quality: 'RED'
    })
    const limited = await expect(t, 'wa.registered', 'warn', /limits .*RATE_LIMITED/, /Send less/)
    t.match(find(limited, 'wa.quality'), { state: 'warn', says: /low/, remedy: /marketing/ })
    await flow.door('graph', { numberStatus: 'RESTRICTED', health: 'BLOCKED', quality: 'GREEN' })
    const blocked = await expect(t, 'wa.health', 'fail', /may not send/, /Business Support/)
    t.match(find(blocked, 'wa.registered'), { state: 'warn', says: /RESTRICTED/ })
    t.equal(exitCodeOf(blocked), 1)
    await flow.door('graph', { numberStatus: null, health: null })
  })

  await t.test('WhatsApp: callback taken away, account unsubscribed', async t => {
    const mine = `${flow.url}/webhooks/whatsapp`
    const take = (uri: string): Promise<void> =>
      askGraph('POST', number().phoneNumberId, {
        webhook_configuration: { override_callback_uri: uri, verify_token: number().verifyToken }
      })
    await take(`${mine}?somebody=else`)
    await expect(t, 'wa.callback', 'fail', /somebody took the callback away/, /connect again/)
    await take('')
    const { appId, appSecret } = (flow.sandbox.config() as Loose).graph
    await fetch(`${flow.sandbox.graphUrl}/v25.0/${appId}/subscriptions`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${appId}|${appSecret}` }
    })
    await expect(t, 'wa.callback', 'fail', /nowhere/, /connect again/)
    await take(mine)
    await askGraph('DELETE', `${number().wabaId}/subscribed_apps`)
    await expect(t, 'wa.subscribed', 'fail', /no longer subscribed/, /connect again/)
    await askGraph('POST', `${number().wabaId}/subscribed_apps`)
    t.match(find(await diagnose(), 'wa.subscribed'), { state: 'ok' })
  })

  await t.test('the inbox: address, secret, window', async t => {
    const good = number().hookUrl
    await editInbox({ webhook_url: 'https://elsewhere.example.com/x', additional_attributes: {} })
    const changed = await expect(t, 'inbox.hook_url', 'fail', /gone or leads elsewhere/, /puts it back/)
    t.match(find(changed, 'inbox.window'), { state: 'warn', says: /24 hours/ })
    t.match(find(changed, 'inbox.marker'), { state: 'warn' })
    t.match(find(changed, 'inbox.banner'), { state: 'warn' })
    t.notOk(find(changed, 'inbox.hook'), 'a hook that leads elsewhere is not tried')
    await editInbox({ webhook_url: good })
    await flow.runtime.deskWatch.run()
    const { account, token } = deskOf(flow)
    await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${account}/inboxes/${number().inboxId}/reset_secret`, {
      method: 'POST',
      headers: { api_access_token: token }
    })
    await expect(t, 'inbox.hook_secret', 'fail', /secret of the inbox was changed/, /by itself/)
    await flow.runtime.deskWatch.run()
    await flow.runtime.refresh()
    await flow.runtime.reconcile.run(true)
    await flow.settle()
  })

  await t.test('hooks that do not arrive: why', async t => {
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'typing' }])
    await expect(t, 'inbox.hook', 'fail', /No hook of Chatwoot arrived/, /PUENTE_PUBLIC_URL/)
    await flow.door('faults', [])
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('desk', { refusePrivateHooks: true })
    const lost = talk.reply('nobody hears this')
    await flow.until('painted', () => talk.row(lost).status === 'failed')
    await expect(t, 'inbox.hook', 'fail', /refuses to call Puente/, /SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true/)
    await flow.door('desk', { refusePrivateHooks: false })
    t.match(find(await diagnose(), 'inbox.hook'), { state: 'ok' })
  })

  await t.test('hooks given up by the desk because Puente was late are counted', async t => {
    await bridge.numbers.count(number().id, 'painted_failed', 3)
    await expect(t, 'inbox.hooks_late', 'warn', /gave 3 hook\(s\) up/, /WEBHOOK_TIMEOUT/)
  })

  await t.test('the desk: slow, of another version, another token', async t => {
    await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: 'GET /api', delayMs: 1_100, count: 3 }])
    await expect(t, 'desk.pace', 'warn', /took 1\.\d s/, /Sidekiq/)
    await flow.door('faults', [])
    await flow.door('desk', { version: '4.12.0' })
    await expect(t, 'desk.version', 'warn', /does not sign its hooks/, /Upgrade/)
    await flow.door('desk', { version: '4.1.0' })
    await expect(t, 'desk.rules', 'fail', /ticks/, /Upgrade/)
    await flow.door('desk', { version: '4.16.2' })
    const { desk } = flow.sandbox.config() as Loose
    const { url, accountId, sandbox } = bridge.registry.desks()[0]!
    await bridge.numbers.saveDesk({ url, accountId, sandbox, token: desk.agentToken })
    const agent = await expect(t, 'desk.administrator', 'warn', /what stays off/, /administrator's token/)
    t.match(find(agent, 'inbox.hook'), { state: 'ok' }, 'an agent may still try the hook')
    await bridge.numbers.saveDesk({ url, accountId, sandbox, token: 'revoked' })
    const revoked = await expect(t, 'desk.token', 'fail', /does not accept/, /access token/)
    t.equal(exitCodeOf(revoked), 1)
    t.notOk(find(revoked, 'inbox.hook_url'), 'nothing that needs the token is claimed')
    await bridge.numbers.saveDesk({ url, accountId, sandbox, token: desk.adminToken })
    await flow.runtime.refresh()
  })

  await t.test('clocks', async t => {
    const ahead = (ms: number) => ({ now: () => new Date(Date.now() + ms) })
    const minute = await expect(t, 'desk.clock', 'warn', /60 s behind ours/, /NTP/, ahead(60_000))
    t.match(find(minute, 'database.clock'), { state: 'warn', says: /60 s behind/ })
    t.match(find(minute, 'wa.clock'), { state: 'warn', says: /60 s behind/ })
    await expect(t, 'desk.clock', 'fail', /ahead of ours.*too old/, /NTP/, ahead(-600_000))
  })

  await t.test('the ground: Redis gone, no disk, no process', async t => {
    const redis = await diagnose({}, { redisUrl: 'redis://127.0.0.1:1' })
    t.match(find(redis, 'redis.used'), { state: 'fail', says: /nothing is lost/, remedy: /PUENTE_REDIS_URL/ })
    t.equal(exitCodeOf(redis), 3)
    t.match(find(await diagnose({}, { dataDir: '/nowhere/at/all' }), 'disk.free'), { state: 'fail' })
    t.match(find(await diagnose(), 'database.fsync'), { state: 'fail', says: /power cut/, remedy: /fsync = on/ })
  })

  await t.test('paused, unproven, templates', async t => {
    await bridge.numbers.pauseNumber(number().id, 'wa_payment')
    await query(flow, `update numbers set answer_proven_at = null, hook_proven_at = null, inbound_proven_at = null`)
    const paused = await expect(t, 'number.paused', 'fail', /payment method/, /without a restart/)
    t.match(find(paused, 'number.proven'), { state: 'warn', says: /connected but unproven/, remedy: /from a phone/ })
    await bridge.numbers.pauseNumber(number().id, null)
  })

  await t.test('contact attributes of the policy that the desk does not define', async t => {
    t.notOk(find(await diagnose(), 'number.phone_attributes'), 'nothing to say where the policy names none')
    await query(flow, `update numbers set policy = '{"extraPhoneAttributes": ["second_phone", "fax"]}'`)
    await flow.runtime.refresh()
    const { account, token } = deskOf(flow)
    const define = (key: string, model: string): Promise<Response> =>
      fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${account}/custom_attribute_definitions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', api_access_token: token },
        body: JSON.stringify({
          attribute_display_name: key,
          attribute_key: key,
          attribute_display_type: 'text',
          attribute_model: model
        })
      })
    await define('second_phone', 'contact_attribute')
    await define('fax', 'conversation_attribute')
    await expect(t, 'number.phone_attributes', 'warn', /does not define: fax\./, /Custom Attributes/)
    await define('fax', 'contact_attribute')
    t.match(find(await diagnose(), 'number.phone_attributes'), { state: 'ok' })
    await query(flow, `update numbers set policy = '{}'`)
    await flow.runtime.refresh()
  })

  await t.test('what cannot be reached ends with 3, and a stuck check is a finding', async t => {
    const { accountId, sandbox, token } = bridge.registry.desks()[0]!
    await query(flow, `update desks set url = 'http://127.0.0.1:1'`)
    const away = await expect(t, 'desk.answers', 'fail', /does not answer/, /address/)
    t.equal(exitCodeOf(away), 3)
    await query(flow, 'update desks set url = $1', [flow.sandbox.deskUrl])
    void [accountId, sandbox, token]
    await flow.door('faults', [{ on: 'call:graph', kind: 'delay', delayMs: 3_000 }])
    const stuck = await diagnose({ checkMs: 800 })
    t.match(find(stuck, 'doctor.check'), { state: 'fail', says: /took longer/ })
    await flow.door('faults', [])
    await sleep(50)
  })
})

t.test('without a database there is one finding, and exit code 3', async t => {
  const diagnosis = diagnoseGround(new PuenteError('database_unavailable'))
  t.match(diagnosis.checks, [{ id: 'database.answers', state: 'fail', remedy: /PUENTE_DATABASE_URL/ }])
  t.equal(exitCodeOf(diagnosis), 3)
  const unsafe = new PuenteError('database_unsafe', { facts: { setting: 'fsync', got: 'off', wants: 'on' } })
  t.equal(exitCodeOf(diagnoseGround(unsafe)), 1)
  t.throws(() => diagnoseGround(new PuenteError('config_invalid')), { code: 'config_invalid' })
})

t.test('the command prints JSON and ends with the code', async t => {
  const run = (args: string[], env: Record<string, string>): Promise<{ code: number; stdout: string }> =>
    new Promise(resolve => {
      const child = execFile(
        process.execPath,
        ['--import', 'tsx', 'plugin/cli.ts', ...args],
        { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, timeout: 30_000 },
        (_error, stdout) => resolve({ code: child.exitCode ?? -1, stdout })
      )
    })
  const env = {
    PUENTE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    PUENTE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64')
  }
  const json = await run(['doctor', '--json'], env)
  t.equal(json.code, 3)
  t.match(JSON.parse(json.stdout), { state: 'fail', checks: [{ id: 'database.answers', about: 'PostgreSQL' }] })
  const people = await run(['doctor'], env)
  t.equal(people.code, 3)
  t.match(people.stdout, /✗ PostgreSQL does not answer\.\n +→ Start PostgreSQL/)
})
