/** What one process connected, another learns when it is first asked for it, however many ask. */
import t from 'tap'
import { createReloader } from '../../plugin/runtime/reloader.ts'

function lab(options: { fails?: boolean } = {}) {
  const state = { nowMs: 0, reads: 0, waits: [] as { ms: number; go: () => void }[] }
  const reloader = createReloader({
    refresh: async () => {
      state.reads++
      if (options.fails === true) throw new Error('the database is away')
    },
    monotonicMs: () => state.nowMs,
    sleep: ms => new Promise(resolve => state.waits.push({ ms, go: resolve }))
  })
  return { state, reloader }
}

t.test('reads at once, then not again within a second', async t => {
  const { state, reloader } = lab()
  t.equal(await reloader.run(), true)
  t.equal(await reloader.run(), false)
  state.nowMs = 1_000
  t.equal(await reloader.run(), true)
  t.equal(state.reads, 2)
})

t.test('who waits comes back after the next reading, one for all', async t => {
  const { state, reloader } = lab()
  await reloader.run()
  state.nowMs = 300
  const waiting = [reloader.run('wait'), reloader.run('wait'), reloader.run('wait')]
  t.equal(await reloader.run(), false, 'who does not wait is told at once')
  t.equal(state.waits.length, 1)
  t.equal(state.waits[0]!.ms, 700)
  state.nowMs = 1_000
  state.waits[0]!.go()
  t.same(await Promise.all(waiting), [true, true, true])
  t.equal(state.reads, 2)
})

t.test('a database that is away is no reading, and no error', async t => {
  const { reloader } = lab({ fails: true })
  t.equal(await reloader.run(), false)
})
