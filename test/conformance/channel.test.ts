/** The channel suite on the Cloud API adapter, with the sandbox's Graph stand-in behind it. */
import t, { type Test } from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { createCloudChannel } from '../../adapters/whatsapp-cloud/client.ts'
import { type ExplodedItem, explodeWebhook } from '../../adapters/whatsapp-cloud/explode.ts'
import { readFact } from '../../adapters/whatsapp-cloud/from-wire.ts'
import { createGraph } from '../../adapters/whatsapp-cloud/graph-call.ts'
import * as management from '../../adapters/whatsapp-cloud/management.ts'
import { verifySignature } from '../../adapters/whatsapp-cloud/signature.ts'
import type { NumberAccess } from '../../plugin/core/ports/channel.ts'
import { type ChannelFault, type ChannelHarness, runChannelSuite } from './channel-suite.ts'
import { openRig } from './sandbox-graph-rig.ts'

const FAULTS: Record<ChannelFault, Omit<Fault, 'on'>> = {
  reset: { kind: 'reset' },
  silence: { kind: 'drop' },
  silence_after_accept: { kind: 'timeout_after_accept' },
  garbage: { kind: 'garbage' },
  unavailable: { kind: 'status', status: 503, body: '<html>bad gateway</html>' },
  throttled: { kind: 'status', status: 429, body: {}, headers: { 'retry-after': '7' } }
}

async function open(t: Test): Promise<ChannelHarness> {
  const rig = await openRig()
  const { sandbox, receiver } = rig
  const { token, phoneNumberId, appSecret } = rig.whatsapp()
  const http = createHttpClient()
  const channel = createCloudChannel({ http, times: { graphCallMs: 500, mediaMs: 5000 } })
  const access: NumberAccess = { phoneNumberId, token, appSecret, graphUrl: sandbox.graphUrl, graphVersion: 'v25.0' }
  t.teardown(async () => {
    channel.close()
    await rig.close()
  })
  await rig.say({ text: 'opens the window' })
  const customers = sandbox.graph.config().customers as { id: string; phone: string; userId: string }[]
  const lucia = customers.find(customer => customer.id === 'lucia')!

  /** Everything received from a place on, checked and split like the real route does it. */
  function heard(from = 0): ExplodedItem[] {
    return receiver.received.slice(from).flatMap(({ raw, body, headers }) => {
      const bytes = Buffer.from(raw)
      const header = headers['x-hub-signature-256']
      if (!verifySignature(bytes, typeof header === 'string' ? header : undefined, [appSecret]))
        throw new Error('bad signature')
      return explodeWebhook(body, bytes)
    })
  }

  return {
    channel,
    access,
    phone: { phone: lucia.phone },
    userId: { userId: lucia.userId },
    image: getSample('jpeg')!.bytes,
    voice: getSample('ogg')!.bytes,
    template: { name: 'hello_world', language: 'en_US' },
    countAccepted: reference =>
      sandbox.ledger
        .list({ side: 'graph', what: 'effect', name: 'sent' })
        .filter(entry => entry.ids.callback === reference).length,
    countRead: wamid =>
      sandbox.ledger
        .list({ side: 'graph', what: 'effect' })
        .filter(entry => (entry.name === 'read' || entry.name === 'typing') && entry.ids.wamid === wamid).length,
    async awaitStatus(reference) {
      const find = () => heard().find(item => item.status?.reference === reference)?.status
      await receiver.until(() => find() !== undefined, 'a status')
      return find()!
    },
    async say(input) {
      const from = receiver.received.length
      await rig.say(input)
      // Statuses of earlier messages may come in between.
      const items = () => heard(from).filter(item => item.kind !== 'status')
      await receiver.until(() => items().length > 0, `a webhook of ${String(input.type)}`)
      return items().map(item => readFact(item.payload))
    },
    break: fault => sandbox.faults.set([{ on: 'call:graph', match: '/messages', count: 1, ...FAULTS[fault] }]),
    close: async () => {}
  }
}

runChannelSuite(t, open)

t.test('management calls work on the stand-in', async t => {
  const rig = await openRig({ connected: false })
  const http = createHttpClient()
  t.teardown(async () => {
    http.close()
    await rig.close()
  })
  const { token, phoneNumberId, wabaId, appId, appSecret, verifyToken } = rig.whatsapp()
  const access = { token, appSecret, graphUrl: rig.sandbox.graphUrl, graphVersion: 'v25.0' }
  const graph = createGraph({ http })
  const override = { callbackUrl: rig.receiver.url, verifyToken }

  t.same(await management.listSubscribedApps(graph, access, wabaId), [])
  await management.subscribeApp(graph, access, wabaId)
  t.match(await management.listSubscribedApps(graph, access, wabaId), [{ id: appId }])
  await management.setNumberWebhook(graph, access, phoneNumberId, override)
  t.same(await management.readWebhookRouting(graph, access, phoneNumberId), { number: rig.receiver.url })
  t.match(await rig.say({ text: 'arrives' }), { deliveries: [{ status: 200 }] })
  await t.rejects(management.setNumberWebhook(graph, access, phoneNumberId, { ...override, verifyToken: 'wrong' }), {
    code: 'wa_refused',
    remedy: 'fix_setup'
  })
  await management.setNumberWebhook(graph, access, phoneNumberId, null)
  t.same(await management.readWebhookRouting(graph, access, phoneNumberId), {})
  t.match(await management.readNumberDetails(graph, access, phoneNumberId), {
    id: phoneNumberId,
    codeVerificationStatus: 'VERIFIED',
    throughputPerSecond: 1000
  })
  t.match(await management.debugToken(graph, access, { id: appId, secret: appSecret }), {
    isValid: true,
    appId,
    scopes: ['whatsapp_business_management', 'whatsapp_business_messaging']
  })
  t.match(await management.debugToken(graph, { ...access, token: 'other' }, { id: appId, secret: appSecret }), {
    isValid: false,
    scopes: []
  })
  const templates: management.ListedTemplate[] = []
  for await (const page of management.listTemplates(graph, access, wabaId)) templates.push(...page)
  t.ok(
    templates.some(
      template => template.name === 'hello_world' && template.status === 'APPROVED' && template.components.length > 0
    )
  )
  await t.rejects(management.listSubscribedApps(graph, access, '123'), { code: 'wa_permission' })
})
