/** Liveness (never touches a dependency), readiness (names what is missing), metrics as Prometheus text. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Bridge } from '../core/bridge.ts'
import type { Jobs } from '../core/ports/jobs.ts'

/** What is looked at; the runtime is one. */
export interface Watched {
  bridge: Pick<Bridge, 'registry'>
  jobs: Pick<Jobs, 'state'>
  /** The pool of the acknowledging path: when it does not answer, nothing can be taken. */
  database: { intake: { query(sql: string): Promise<{ rows: unknown[] }> } }
  metrics: { text(): Promise<string> }
}

/** Load balancers give up after a few seconds; a database that is slower than this takes no webhook in time either. */
const READY_MS = 1_000

/** A standby after a failover, or a server whose disk is full, answers reads and refuses every commit. */
const CAN_WRITE = `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as read_only`

export function addHealth(scope: FastifyInstance, runtime: Watched, options: { metrics: boolean }): void {
  scope.get('/livez', { logLevel: 'silent' }, (_request, reply) => reply.send({ status: 'alive' }))

  const askDatabase = createDatabaseCheck(runtime)
  scope.get('/readyz', { logLevel: 'silent' }, async (_request, reply) => {
    const missing = await askDatabase()
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

/** What is missing of the database, within `READY_MS`. Those who ask meanwhile share one question. */
function createDatabaseCheck({ database }: Watched): () => Promise<string[]> {
  let asked: Promise<string[]> | null = null

  const ask = async (): Promise<string[]> => {
    try {
      const { rows } = await database.intake.query(CAN_WRITE)
      const row = rows[0] as { standby: boolean; read_only: string }
      if (row.standby) return ['database: in recovery, it takes no writes']
      return row.read_only === 'on' ? ['database: read-only, it takes no writes'] : []
    } catch {
      return ['database']
    } finally {
      asked = null
    }
  }

  return async () => {
    asked ??= ask()
    const late = new AbortController()
    const tooLate = sleep(READY_MS, ['database'], { signal: late.signal }).catch(() => ['database'])
    try {
      return await Promise.race([asked, tooLate])
    } finally {
      late.abort()
    }
  }
}
