/** The WhatsApp checks on the sandbox's Graph: all hold, and nothing but reading leaves. */
import t from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { openRig } from './sandbox-graph-rig.ts'
import { WHATSAPP_CHECKS } from './whatsapp-checks.ts'
import { runWhatsAppSuite } from './whatsapp-suite.ts'

/** Graph tells it when it likes; the sandbox does not. */
const UNSEEN = ['WA-USAGE']

t.test('Graph keeps every assumption that reading can show', async t => {
  const rig = await openRig()
  const http = createHttpClient()
  t.teardown(async () => {
    http.close()
    await rig.close()
  })
  const { token, wabaId, appId, appSecret, verifyToken } = rig.whatsapp()
  const subscription = {
    object: 'whatsapp_business_account',
    callback_url: rig.receiver.url,
    verify_token: verifyToken,
    fields: ['messages', 'account_update']
  }
  const asApp = `?access_token=${encodeURIComponent(`${appId}|${appSecret}`)}`
  await rig.call('POST', `/${appId}/subscriptions${asApp}`, subscription, { authorization: '' })
  const before = rig.sandbox.ledger.list({ side: 'graph' }).length
  const received = rig.receiver.received.length
  const { outcomes } = await runWhatsAppSuite({
    http,
    url: rig.sandbox.graphUrl,
    version: 'v25.0',
    token,
    wabaId,
    app: { id: appId, secret: appSecret },
    tell: () => {},
    stop: new AbortController().signal
  })
  t.same(
    outcomes.map(({ id }) => id),
    WHATSAPP_CHECKS.map(({ id }) => id)
  )
  for (const { id, assumption, holds, seen } of outcomes) {
    t.equal(holds, UNSEEN.includes(id) ? null : true, `${id}: ${assumption}${seen === null ? '' : ` (${seen})`}`)
  }
  const asked = rig.sandbox.ledger.list({ side: 'graph' }).slice(before)
  t.ok(asked.length > 10)
  t.same(
    asked.filter(({ what, name }) => what !== 'call' || !name.startsWith('GET')).map(({ what, name }) => [what, name]),
    [],
    'only reading'
  )
  t.equal(rig.receiver.received.length, received, 'nothing came of it')
})

t.test('what Graph no longer does is seen', async t => {
  const rig = await openRig()
  const http = createHttpClient()
  t.teardown(async () => {
    http.close()
    await rig.close()
  })
  const { token, wabaId } = rig.whatsapp()
  const run = { http, url: rig.sandbox.graphUrl, version: 'v25.0', wabaId, tell: () => {} }
  const stop = new AbortController()
  await t.rejects(runWhatsAppSuite({ ...run, token: 'revoked', stop: stop.signal }), { code: 'wa_token_invalid' })
  rig.sandbox.graph.configure({ quality: 'UNKNOWN' })
  const only = /^WA-(NUMBER|DEBUG)$/
  const { outcomes } = await runWhatsAppSuite({ ...run, token, only, stop: stop.signal })
  t.match(outcomes, [
    { id: 'WA-NUMBER', holds: true },
    { id: 'WA-DEBUG', holds: null, seen: /--app-id/ }
  ])
  rig.sandbox.faults.set([{ on: 'call:graph', match: 'GET', kind: 'garbage' }])
  const broken = runWhatsAppSuite({ ...run, token, only, stop: stop.signal })
  await t.rejects(broken, { code: 'wa_unreachable' }, 'an answer that is no JSON')
})
