/** A call to the desk, and the permit with which its lane was claimed. */
import t from 'tap'
import type { Bridge } from '../../plugin/core/bridge.ts'
import { callDesk } from '../../plugin/core/desk/call.ts'
import type { DeskPace } from '../../plugin/core/desk/pace.ts'
import { createPermits } from '../../plugin/core/desk/permits.ts'
import type { HeldLane } from '../../plugin/core/lanes/hold.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import type { Work } from '../../plugin/core/ports/store.ts'

function stage() {
  let nowMs = 10_000
  const recorded: Work[][] = []
  const pace = { limit: () => 1, onCall() {}, onTrouble() {} } as unknown as DeskPace
  const permits = createPermits(pace)
  const bridge = {
    permits: () => permits,
    clock: { monotonicMs: () => nowMs },
    times: { attemptDeadlineMs: 5_000 },
    gates: { enter: () => true, open: () => false, release() {} },
    registry: { desks: () => [] },
    recorder: { record: async (work: Work[]) => void recorded.push(work) },
    breakpoint() {}
  } as unknown as Bridge
  const [permit] = permits.reserve(1)
  const lane = { lost: false, claimedMs: nowMs, permit } as unknown as HeldLane
  const call = (more: object) =>
    callDesk(bridge, {
      deskId: 1,
      access: {} as DeskAccess,
      lane,
      attempt: async () => [],
      run: async (_, { beforeBytes }) => {
        beforeBytes?.()
        return 'written'
      },
      ...more
    })
  return { permits, lane, recorded, call, wait: (ms: number) => void (nowMs += ms) }
}

t.test('the permit of the claim is used by the call that the claim attempted, and nothing is recorded', async t => {
  const { permits, lane, recorded, call } = stage()
  const { permit } = lane
  lane.permit = null
  t.equal(await call({ permit }), 'written')
  t.same([recorded.length, permits.inFlight()], [0, 0])
})

t.test('another call of that lane does not wait for the permit that its own lane has', async t => {
  const { permits, lane, recorded, call } = stage()
  t.equal(await call({}), 'written', 'the only permit of this desk was its own')
  t.equal(lane.permit, null)
  t.same([recorded.length, permits.inFlight()], [1, 0])
})

t.test('the deadline of that attempt is counted from before the claim', async t => {
  const { permits, lane, call, wait } = stage()
  const { permit } = lane
  lane.permit = null
  wait(6_000)
  await t.rejects(call({ permit }), { code: 'desk_unreachable' })
  t.equal(permits.inFlight(), 0)
})
