// A tab that stays open while the clock turns: what may be sent changes without anybody having done anything.
import t from 'tap'
import { nextTurn } from '../../plugin/http/api/next-turn.ts'
import type { Loose } from '../support/puente.ts'
import { listen } from './live-lab.ts'
import { openTab } from './tab-lab.ts'

const HOUR_MS = 3_600_000

t.test('S53: the live line tells that the window closes soon, and that it has closed', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const statuses = await listen(t, flow.url, conversationId, bea.token)
  const first = await flow.until('the first status', () => statuses.at(0))
  t.match(first, { window: { open: true } })
  t.ok(first.allowed.includes('text'))
  t.notOk(first.notices.some((each: Loose) => each.code === 'window_soon'))

  // A stand-in tells its clock with every hook: somebody else writes.
  const jump = async (hours: number): Promise<void> => {
    await flow.door('clock', { jumpMs: hours * HOUR_MS })
    await flow.say({ customer: '34611000202', text: 'And I?' })
  }
  await jump(22.5)
  await flow.until('told that it closes soon', () =>
    statuses.some(each => each.window.open && each.notices.some((one: Loose) => one.code === 'window_soon'))
  )
  await jump(1.6)
  const closed = await flow.until('told that it has closed', () => statuses.find(each => !each.window.open))
  t.same(closed.allowed, ['template'])
  await new Promise(resolve => setTimeout(resolve, 1600))
  t.equal(statuses.filter(each => !each.window.open).length, 1, 'told once')
})

t.test('the next turn is the earliest end that lies ahead', async t => {
  const at = (hours: number) => new Date(Date.UTC(2026, 10, 22) + hours * HOUR_MS).toISOString()
  const status = (open: boolean, expires: number, free: number | null, parked: number[] = []) =>
    ({
      served: true,
      window: { open, now: at(0), expiresAt: at(expires), freeEntryPointUntil: free === null ? null : at(free) },
      parked: parked.map(hours => ({ until: at(hours) }))
    }) as never
  const turn = (...given: Parameters<typeof status>) => nextTurn(status(...given))?.toISOString() ?? null
  t.equal(turn(true, 5, null), at(3), 'closes soon')
  t.equal(turn(true, 1, null), at(1), 'closes')
  t.equal(turn(true, 1, 0.5), at(0.5), 'the free period')
  t.equal(turn(false, -3, null), null, 'closed already')
  t.equal(turn(false, -3, null, [7, 6]), at(6), 'a parked answer has waited its time out')
  t.equal(nextTurn({ served: false } as never), null)
})
