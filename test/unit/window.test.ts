import fc from 'fast-check'
import t from 'tap'
import type { InboundContent, InboundFact } from '../../plugin/core/model.ts'
import {
  decideParked,
  laterInbound,
  MAX_PARKED_MS,
  opensWindowAt,
  parkedUntil,
  windowState
} from '../../plugin/core/window.ts'

const HOUR = 3_600_000
const at = new Date('2026-11-01T10:00:00Z')
const after = (ms: number) => new Date(at.getTime() + ms)

t.test('S53: the window lasts 24 h from the customer, to the millisecond', async t => {
  const state = windowState({ lastInboundAt: at, now: after(0) })
  t.strictSame(state, { open: true, expiresAt: after(24 * HOUR), remainingMs: 24 * HOUR })
  t.equal(windowState({ lastInboundAt: at, now: after(24 * HOUR - 1) }).open, true)
  t.equal(windowState({ lastInboundAt: at, now: after(24 * HOUR) }).open, false, 'at exactly 24 h it is closed')
  t.equal(windowState({ lastInboundAt: at, now: after(24 * HOUR) }).remainingMs, 0)
})

t.test('S49: a customer who never wrote has no window', async t => {
  t.strictSame(windowState({ lastInboundAt: null, now: at }), { open: false, expiresAt: null, remainingMs: 0 })
})

t.test('S53: a desk may be told another number of hours', async t => {
  t.equal(windowState({ lastInboundAt: at, now: after(HOUR), hours: 1 }).open, false)
})

t.test('S49: a refusal by WhatsApp closes the window, and the next message opens it again', async t => {
  const refusedAt = after(2 * HOUR)
  const closed = windowState({ lastInboundAt: at, refusedAt, now: after(3 * HOUR) })
  t.strictSame(closed, { open: false, expiresAt: refusedAt, remainingMs: 0 })
  t.equal(windowState({ lastInboundAt: after(2 * HOUR + 1000), refusedAt, now: after(3 * HOUR) }).open, true)
  const sameSecond = windowState({ lastInboundAt: at, refusedAt: after(900), now: after(1000) })
  t.equal(sameSecond.open, true, 'an answer within the second of the refusal counts as the later one')
})

t.test('S52: the last message counts, in whatever order the events come', async t => {
  const times = fc.array(fc.date({ min: at, max: after(1e9), noInvalidDate: true }), { minLength: 1 })
  fc.assert(
    fc.property(times, events => {
      const joined = events.reduce<Date | null>(laterInbound, null)
      return joined?.getTime() === Math.max(...events.map(Number))
    })
  )
  t.equal(laterInbound(null, null), null)
  t.equal(laterInbound(at, null), at)
})

const messageOf = (content: InboundContent): InboundFact => ({
  kind: 'message',
  message: { wamid: 'w', at, customer: {}, content, failures: [] }
})
const call = (event: string, direction: 'customer' | 'business'): InboundFact => ({
  kind: 'call',
  call: { id: 'c', at, customer: {}, event, direction }
})

t.test("S52: the customer's messages of every kind open it", async t => {
  t.equal(opensWindowAt(messageOf({ kind: 'text', body: 'hi' })), at)
  t.equal(opensWindowAt(messageOf({ kind: 'unsupported', failures: [] })), at)
  t.equal(opensWindowAt(messageOf({ kind: 'reaction', target: 'x', emoji: '👍' })), at)
  t.equal(opensWindowAt(messageOf({ kind: 'call_permission', accepted: true })), at)
})

t.test("S53: the customer's calls refresh it, the business's do not", async t => {
  t.equal(opensWindowAt(call('connect', 'customer')), at)
  t.equal(opensWindowAt(call('connect', 'business')), null)
  t.equal(opensWindowAt(call('terminate', 'customer')), null, 'hanging up says nothing new')
})

t.test('S52: what the customer did not say opens nothing', async t => {
  t.equal(opensWindowAt(messageOf({ kind: 'identity_changed' })), null)
  t.equal(opensWindowAt(messageOf({ kind: 'number_changed', from: {}, to: {} })), null)
  t.equal(opensWindowAt(messageOf({ kind: 'system', type: 'x' })), null)
  t.equal(opensWindowAt(messageOf({ kind: 'revoke', target: 'x' })), null)
  t.equal(opensWindowAt(messageOf({ kind: 'call_permission', accepted: true, automatic: true })), null)
  t.equal(opensWindowAt({ ...messageOf({ kind: 'text', body: 'hi' }), kind: 'echo' } as InboundFact), null)
  t.equal(opensWindowAt({ kind: 'management', field: 'x' }), null)
})

t.test('S55: a parked reply goes out when the window opens, and not after its age', async t => {
  const open = windowState({ lastInboundAt: after(HOUR), now: after(2 * HOUR) })
  const closed = windowState({ lastInboundAt: null, now: at })
  t.equal(decideParked({ parkedAt: at, window: closed, now: after(2 * HOUR) }), 'wait')
  t.equal(decideParked({ parkedAt: at, window: open, now: after(2 * HOUR) }), 'send')
  t.equal(decideParked({ parkedAt: at, window: open, now: after(24 * HOUR - 1) }), 'send')
  t.equal(decideParked({ parkedAt: at, window: open, now: after(24 * HOUR) }), 'expired', 'even if the window is open')
  t.equal(decideParked({ parkedAt: at, window: closed, now: after(HOUR), maxAgeMs: HOUR }), 'expired')
})

t.test('the policy may shorten the age of parked replies, never lengthen it', async t => {
  t.strictSame(parkedUntil(at), after(MAX_PARKED_MS))
  t.strictSame(parkedUntil(at, HOUR), after(HOUR))
  t.strictSame(parkedUntil(at, 100 * HOUR), after(24 * HOUR))
  t.strictSame(parkedUntil(at, -5), at)
})
