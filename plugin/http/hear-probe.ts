/**
 * Recognises by what connecting and the doctor try the way from the desk: the private note that comes back through the
 * hook, and, before anything is set up, a one-time address beside those of the hooks. Serves the inbox's picture.
 */
import type { FastifyInstance } from 'fastify'
import { ICON } from '../core/icon.ts'
import type { Numbers } from '../core/ports/numbers.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The id of the probe whose note this hook is about, or null. Only for hooks whose signature was verified. */
export function readProbe(body: unknown): string | null {
  const hook = body as { private?: unknown; content_attributes?: { puente?: { kind?: unknown; id?: unknown } } | null }
  const mark = hook.content_attributes?.puente
  if (hook.private !== true || mark?.kind !== 'probe') return null
  return typeof mark.id === 'string' && UUID.test(mark.id) ? mark.id : null
}

/** Whoever asks with an open code is noted, and told what everybody is told: that there is nothing. */
export function addReach(scope: FastifyInstance, numbers: Pick<Numbers, 'noteReached'>): void {
  scope.get<{ Params: { code: string } }>(
    '/webhooks/chatwoot/:code',
    { logLevel: 'silent' },
    async (request, reply) => {
      const { code } = request.params
      if (UUID.test(code)) await numbers.noteReached(code)
      return reply.code(404).type('text/plain').send('nothing to get here')
    }
  )
}

export function addIcon(scope: FastifyInstance): void {
  scope.get('/app/icon.png', { logLevel: 'silent' }, (_request, reply) =>
    reply.type('image/png').header('cache-control', 'public, max-age=86400').send(ICON)
  )
}
