/** `/readyz` answers soon whatever the database does, and says when webhooks could not be stored. */
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createRegistry } from '../../plugin/core/registry.ts'
import { addHealth, type Watched } from '../../plugin/http/health.ts'
import { useDatabase } from '../support/postgres.ts'

type Query = Watched['database']['intake']['query']

async function serve(t: Test, query: Query) {
  const app = Fastify()
  const watched: Watched = {
    bridge: { registry: createRegistry() },
    jobs: { state: () => ({ healthy: true }) as ReturnType<Watched['jobs']['state']> },
    database: { intake: { query } },
    metrics: { text: async () => '' }
  }
  addHealth(app, watched, { metrics: false })
  t.teardown(() => app.close())
  return async () => {
    const startedMs = performance.now()
    const answer = await app.inject('/readyz')
    return { code: answer.statusCode, ...answer.json(), tookMs: performance.now() - startedMs }
  }
}

t.test('a database that takes writes is ready, one that is read-only is not', async t => {
  const { url } = await useDatabase(t)
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  t.teardown(() => pool.end())
  const ready = await serve(t, sql => pool.query(sql))
  t.match(await ready(), { code: 200, status: 'ready', missing: [] })
  await pool.query('set default_transaction_read_only = on')
  t.match(await ready(), { code: 503, status: 'not ready', missing: [/^database: read-only/] })
  await pool.query('set default_transaction_read_only = off')
  t.match(await ready(), { code: 200, missing: [] })
})

t.test('a standby, and a database that refuses the question', async t => {
  const standby = await serve(t, async () => ({ rows: [{ standby: true, read_only: 'on' }] }))
  t.match(await standby(), { code: 503, missing: [/^database: in recovery/] })
  const away = await serve(t, () => Promise.reject(new Error('connection refused')))
  t.match(await away(), { code: 503, missing: ['database'] })
})

t.test('a database that does not answer is told after a second, and is asked once by all who wait', async t => {
  let asked = 0
  let answer: (rows: { rows: unknown[] }) => void = () => {}
  const ready = await serve(t, () => {
    asked++
    return new Promise(resolve => {
      answer = resolve
    })
  })
  const answers = await Promise.all([ready(), ready(), sleep(300).then(ready)])
  for (const each of answers) {
    t.match(each, { code: 503, missing: ['database'] })
    t.ok(each.tookMs < 1_900, `told after ${Math.round(each.tookMs)} ms`)
  }
  t.equal(asked, 1)
  answer({ rows: [{ standby: false, read_only: 'off' }] })
  await sleep(10)
  const next = ready()
  await sleep(10)
  answer({ rows: [{ standby: false, read_only: 'off' }] })
  t.match(await next, { code: 200 })
  t.equal(asked, 2, 'then anew')
})
