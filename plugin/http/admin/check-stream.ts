/**
 * "Check again": the doctor's run as server-sent events, each step as it begins, then what was found. One request, so
 * that it does not matter which of several processes answers.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asPuenteError } from '../../core/errors.ts'
import { explainError } from '../../core/texts/describe.ts'
import { type ApiDeps, localeOf, type Overseer } from '../api/deps.ts'
import type { CheckEvent } from '../contract/admin-pages.ts'
import { BUCKETS, type Buckets } from '../session/buckets.ts'
import type { Examinations } from './examinations.ts'
import { toExamination } from './overview.ts'

const BEAT_MS = 15_000

export function addChecks(
  api: FastifyInstance,
  deps: ApiDeps,
  examinations: Examinations,
  buckets: Buckets,
  overseen: (request: FastifyRequest) => Overseer
): void {
  const open = new Set<() => void>()
  api.addHook('preClose', async () => {
    for (const end of [...open]) end()
  })

  api.post('/admin/checks', { schema: { hide: true } as object, logLevel: 'warn' }, async (request, reply) => {
    const { deskId } = overseen(request)
    const locale = localeOf(request)
    // Who joins a run costs nothing.
    if (!examinations.running(deskId)) buckets.take(`checks ${deskId}`, BUCKETS.checks)
    reply.hijack()
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
      connection: 'keep-alive'
    })
    let over = false
    const end = (): void => {
      if (over) return
      over = true
      clearInterval(beat)
      open.delete(end)
      reply.raw.end()
    }
    const say = ({ event, data }: CheckEvent): void => {
      if (!over) reply.raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    }
    const beat = setInterval(() => reply.raw.write(': still here\n\n'), BEAT_MS)
    open.add(end)
    request.raw.socket.once('close', end)
    try {
      const found = await examinations.run(deskId, about => say({ event: 'step', data: { about } }))
      say({ event: 'done', data: toExamination(found) })
    } catch (thrown) {
      const { code } = asPuenteError(thrown)
      deps.bridge.log.error({ code }, 'the checks could not be made')
      say({ event: 'failed', data: { title: explainError(locale, code) } })
    } finally {
      request.raw.socket.off('close', end)
      end()
    }
  })
}
