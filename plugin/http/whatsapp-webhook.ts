/**
 * Meta's webhooks: handshake, and the acknowledging path: signature over the raw bytes, stored, 200. What is in them is
 * looked at afterwards (core/inbound/sorter.ts). Nothing here waits for the desk, and no request is logged (that would cost a
 * third of the throughput).
 */
import type { KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Bridge } from '../core/bridge.ts'
import { PuenteError } from '../core/errors.ts'

export interface WhatsAppWebhookDeps {
  bridge: Bridge
  /** Resolves once it is committed. */
  receive(raw: Buffer): Promise<void>
  verify(raw: Buffer, header: string | undefined, secrets: readonly KeyObject[]): boolean
  prepareSecrets(secrets: readonly string[]): KeyObject[]
  /** Whether the server is on its way out: a connection in use would keep it waiting for the whole keep-alive time. */
  closing(): boolean
  verifyHandshake(query: Record<string, unknown>, tokens: readonly string[]): string | null
}

export function addWhatsAppWebhook(scope: FastifyInstance, deps: WhatsAppWebhookDeps): void {
  const { bridge } = deps
  let prepared: { from: readonly string[]; keys: KeyObject[] } = { from: [], keys: [] }
  const keys = (): KeyObject[] => {
    const secrets = bridge.registry.appSecrets()
    if (prepared.from !== secrets) prepared = { from: secrets, keys: deps.prepareSecrets(secrets) }
    return prepared.keys
  }

  scope.get('/webhooks/whatsapp', { logLevel: 'silent' }, async (request, reply) => {
    const query = request.query as Record<string, unknown>
    const answer = (): string | null => deps.verifyHandshake(query, bridge.registry.verifyTokens())
    let challenge = answer()
    // Meta asks at once, whichever process connected the number, and asks once.
    if (challenge === null && (await bridge.reload('wait'))) challenge = answer()
    if (challenge === null) return reply.code(403).type('text/plain').send('verify token does not match')
    return reply.type('text/plain').send(challenge)
  })

  scope.post('/webhooks/whatsapp', { logLevel: 'silent' }, async (request, reply) => {
    const raw = request.body as Buffer
    const header = request.headers['x-hub-signature-256']
    bridge.breakpoint('webhook.read')
    const isOurs = (): boolean =>
      Buffer.isBuffer(raw) && deps.verify(raw, typeof header === 'string' ? header : undefined, keys())
    if (!isOurs() && !((await bridge.reload()) && isOurs())) {
      bridge.count('webhook_refused')
      throw new PuenteError('signature_invalid')
    }
    const offset = request.headers['x-puente-sandbox-offset-ms']
    if (typeof offset === 'string') noteOffset(bridge, Number(offset))
    bridge.breakpoint('webhook.verified')
    await deps.receive(raw)
    bridge.breakpoint('webhook.committed')
    bridge.count('webhooks')
    if (deps.closing()) reply.header('connection', 'close')
    return reply.type('text/plain').send('OK')
  })
}

function noteOffset(bridge: Bridge, offsetMs: number): void {
  if (!Number.isFinite(offsetMs)) return
  // Only numbers of a sandbox take it; real ones have no such clock.
  for (const number of bridge.registry.numbers()) bridge.registry.setOffset(number.id, offsetMs)
}
