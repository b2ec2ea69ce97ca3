/** Liveness (never touches a dependency), readiness (names what is missing), metrics as Prometheus text. */
import type { FastifyInstance } from 'fastify'
import type { Bridge } from '../core/bridge.ts'
import type { Jobs } from '../core/ports/jobs.ts'

/** What is looked at; the runtime is one. */
export interface Watched {
  bridge: Pick<Bridge, 'registry'>
  jobs: Pick<Jobs, 'state'>
  /** The pool of the acknowledging path: when it does not answer, nothing can be taken. */
  database: { intake: { query(sql: string): Promise<unknown> } }
  metrics: { text(): Promise<string> }
}

export function addHealth(scope: FastifyInstance, runtime: Watched, options: { metrics: boolean }): void {
  scope.get('/livez', { logLevel: 'silent' }, (_request, reply) => reply.send({ status: 'alive' }))

  scope.get('/readyz', { logLevel: 'silent' }, async (_request, reply) => {
    const missing: string[] = []
    try {
      await runtime.database.intake.query('select 1')
    } catch {
      missing.push('database')
    }
    const jobs = runtime.jobs.state()
    const notes = [
      ...(jobs.healthy ? [] : ['redis: wake-ups go by the sweep']),
      ...runtime.bridge.registry
        .numbers()
        .filter(number => number.pausedCode !== null)
        .map(number => `number ${number.id} is paused: ${number.pausedCode}`)
    ]
    return reply.code(missing.length === 0 ? 200 : 503).send({
      status: missing.length === 0 ? 'ready' : 'not ready',
      missing,
      notes
    })
  })

  if (options.metrics) {
    scope.get('/metrics', { logLevel: 'silent' }, async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await runtime.metrics.text())
    )
  }
}
