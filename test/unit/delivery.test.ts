import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  EMPTY_RECEIPT,
  joinReceipts,
  joinStatus,
  RANK,
  type Receipt,
  receiptOf,
  tickNeeded,
  visibleFailure,
  visibleStatus
} from '../../plugin/core/delivery.ts'
import type { StatusFact } from '../../plugin/core/model.ts'
import type { VisibleStatus } from '../../plugin/core/ports/help-desk.ts'

type Event = Pick<StatusFact, 'status' | 'at' | 'failure' | 'pricing'>

const second = (n: number) => new Date(1_793_880_000_000 + n * 1000)
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const anyEvent: fc.Arbitrary<Event> = fc.record({
  status: fc.constantFrom('sent', 'delivered', 'read', 'played', 'failed', 'other'),
  at: fc.integer({ min: 0, max: 5 }).map(second),
  failure: optional(
    fc.record(
      { code: fc.constantFrom(131026, 131047, 131049), details: optional(fc.constantFrom('a', 'b')) },
      { noNullPrototype: true }
    )
  ),
  pricing: optional(
    fc.record(
      {
        billable: fc.boolean(),
        type: fc.constantFrom('regular', 'free_customer_service'),
        category: fc.constantFrom('service', 'utility')
      },
      { requiredKeys: [], noNullPrototype: true }
    )
  )
})

const joinAll = (events: readonly Event[]) => events.reduce<Receipt>(joinStatus, EMPTY_RECEIPT)

t.test('S79: statuses join to the same receipt in any order and any number of times (D2)', async () => {
  const shuffled = fc
    .array(anyEvent, { maxLength: 8 })
    .chain(events => fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: 0 })))
  fc.assert(
    fc.property(shuffled, ([events, some]) => {
      // Some of them again, in another order, before all of them: nothing may change.
      assert.deepEqual(joinAll([...some, ...events]), joinAll(events))
      assert.deepEqual(joinAll([...events].reverse()), joinAll(events))
    }),
    { numRuns: 500 }
  )
})

t.test('S79: joining receipts is commutative, associative and idempotent', async () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 4 }), fc.array(anyEvent), fc.array(anyEvent), (x, y, z) => {
      const [a, b, c] = [joinAll(x), joinAll(y), joinAll(z)]
      assert.deepEqual(joinReceipts(a, b), joinReceipts(b, a))
      assert.deepEqual(joinReceipts(joinReceipts(a, b), c), joinReceipts(a, joinReceipts(b, c)))
      assert.deepEqual(joinReceipts(a, a), a)
    }),
    { numRuns: 500 }
  )
})

t.test('S79: a message of several parts never falls back, and the desk is told only of growth (I6)', async () => {
  const rank: Record<VisibleStatus, number> = { sent: 0, failed: 1, delivered: 2, read: 3 }
  const oneOfTwo = fc.array(fc.tuple(fc.boolean(), anyEvent), { maxLength: 12 })
  fc.assert(
    fc.property(oneOfTwo, events => {
      const parts: [Receipt, Receipt] = [EMPTY_RECEIPT, EMPTY_RECEIPT]
      let told: VisibleStatus | null = null
      for (const [first, event] of events) {
        parts[first ? 0 : 1] = joinStatus(parts[first ? 0 : 1], event)
        const visible = visibleStatus(parts)
        if (!tickNeeded(visible, told)) continue
        // Only when the failed part turns out to have gone on may "failed" give way to the other part's "sent".
        if (!(told === 'failed' && visible === 'sent') && rank[visible] <= rank[told ?? 'sent']) return false
        told = visible
      }
      return true
    }),
    { numRuns: 1000 }
  )
})

t.test('S79: ranks', async t => {
  t.strictSame(
    Object.entries(RANK)
      .sort((a, b) => a[1] - b[1])
      .map(([name]) => name),
    ['none', 'sent', 'failed', 'delivered', 'read', 'played']
  )
  const failed = receiptOf({ status: 'failed', at: second(1), failure: { code: 131026 } })
  t.equal(failed.state, 'failed')
  const arrived = joinStatus(failed, { status: 'delivered', at: second(9) })
  t.equal(arrived.state, 'delivered', 'what arrived did not fail')
  t.equal(arrived.failure?.code, 131026, 'but the story of the failure is kept')
  t.strictSame([arrived.failedAt, arrived.deliveredAt], [second(1), second(9)])
})

t.test('the earliest time of each status is kept, and a price is filled up field by field', async t => {
  const receipt = joinAll([
    { status: 'read', at: second(9), pricing: { category: 'service' } },
    { status: 'sent', at: second(1), pricing: { billable: false, type: 'free_customer_service' } },
    { status: 'read', at: second(5) }
  ])
  t.strictSame(receipt, {
    state: 'read',
    sentAt: second(1),
    readAt: second(5),
    pricing: { billable: false, type: 'free_customer_service', category: 'service' }
  })
})

t.test('S79: the desk shows the lowest part, failed if one failed, and played as read', async t => {
  const of = (state: Receipt['state']): Receipt => ({ state })
  t.equal(visibleStatus([]), 'sent')
  t.equal(visibleStatus([of('none')]), 'sent')
  t.equal(visibleStatus([of('read'), of('sent')]), 'sent')
  t.equal(visibleStatus([of('read'), of('delivered')]), 'delivered')
  t.equal(visibleStatus([of('played'), of('read')]), 'read')
  t.equal(visibleStatus([of('played')]), 'read')
  t.equal(visibleStatus([of('read'), of('failed')]), 'failed')
  t.equal(visibleStatus([of('read')], { refused: true }), 'failed', 'a part that never left counts as failed')
  t.equal(visibleFailure([of('read'), { state: 'failed', failure: { code: 131053 } }])?.code, 131053)
  t.equal(visibleFailure([of('read')]), undefined)
})

t.test('S79: which ticks cost a call', async t => {
  const cases: [VisibleStatus, VisibleStatus | null, boolean][] = [
    ['sent', null, false],
    ['sent', 'sent', false],
    ['sent', 'failed', true],
    ['sent', 'read', false],
    ['delivered', null, true],
    ['delivered', 'delivered', false],
    ['delivered', 'failed', true],
    ['delivered', 'read', false],
    ['read', 'delivered', true],
    ['failed', null, true],
    ['failed', 'sent', true],
    ['failed', 'failed', false],
    ['failed', 'delivered', false]
  ]
  for (const [visible, told, needed] of cases) t.equal(tickNeeded(visible, told), needed, `${told} → ${visible}`)
})
