/**
 * Recognises the private note by which connecting tries the hook, and serves the icon, which the desk is asked to fetch
 * before anything is set up.
 */
import type { FastifyInstance } from 'fastify'
import { ICON } from '../core/icon.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The id of the probe whose note this hook is about, or null. Only for hooks whose signature was verified. */
export function readProbe(body: unknown): string | null {
  const hook = body as { private?: unknown; content_attributes?: { puente?: { kind?: unknown; id?: unknown } } | null }
  const mark = hook.content_attributes?.puente
  if (hook.private !== true || mark?.kind !== 'probe') return null
  return typeof mark.id === 'string' && UUID.test(mark.id) ? mark.id : null
}

export function addIcon(scope: FastifyInstance): void {
  scope.get('/app/icon.png', { logLevel: 'silent' }, (_request, reply) =>
    reply.type('image/png').header('cache-control', 'public, max-age=86400').send(ICON)
  )
}
