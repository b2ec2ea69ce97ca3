import fc from 'fast-check'
import t from 'tap'
import { ERROR_TABLE, type ErrorCode, type ErrorContext, PuenteError, type Scope } from '../../plugin/core/errors.ts'
import { decideAfterFailure, nextDelayMs, RETRY_RULES } from '../../plugin/core/retry.ts'

const DAY = 86_400_000
const start = new Date('2026-11-01T10:00:00Z')
const failed = (code: ErrorCode, context: ErrorContext = {}) => new PuenteError(code, context)
const codes = Object.keys(ERROR_TABLE) as ErrorCode[]
const half = () => 0.5

const decide = (error: PuenteError, attempt = 1, ageMs = 0, random = half) =>
  decideAfterFailure({ error, attempt, firstTriedAt: start, now: new Date(start.getTime() + ageMs), random })

t.test('full jitter: between the floor and a ceiling that doubles up to five minutes', async t => {
  const delay = (attempt: number, random: number, scope: Scope = 'message') =>
    nextDelayMs({ attempt, error: failed('desk_unavailable', { scope }), random: () => random })
  t.equal(delay(1, 0), RETRY_RULES.floorMs)
  t.equal(delay(1, 0.999), 999)
  t.equal(delay(2, 0.999), 1998)
  t.equal(delay(5, 0.5), 8000)
  t.equal(delay(50, 0.999999), 300_000)
  t.equal(delay(1_000_000, 0.5), 150_000)
  fc.assert(
    fc.property(fc.nat(5000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const ms = delay(attempt, random)
      return ms !== null && ms >= RETRY_RULES.floorMs && ms <= RETRY_RULES.capMs
    })
  )
  t.equal(delay(50, 0.999999, 'desk'), 30_000, 'what is shared is probed by one item for all')
  t.equal(delay(50, 0.5, 'number'), 15_000)
})

t.test('G2: the pair limit backs off by 4^X seconds, X from 0', async t => {
  const delay = (attempt: number, random = 0) =>
    nextDelayMs({ attempt, error: failed('wa_throttled_pair'), random: () => random })
  t.strictSame(
    [1, 2, 3, 4, 5, 6, 7].map(n => delay(n)),
    [1, 4, 16, 64, 256, 1024, 1024].map(s => s * 1000)
  )
  t.ok(delay(3, 0.99)! > 16_000 && delay(3, 0.99)! <= 17_600, 'with a little jitter, never earlier')
  const told = failed('wa_throttled_pair', { retryAfterSeconds: 30 })
  t.equal(nextDelayMs({ attempt: 1, error: told, random: () => 0 }), 30_000, 'and never earlier than told')
})

t.test('H3: Retry-After is obeyed, never early and a little spread', async t => {
  const error = failed('desk_throttled', { retryAfterSeconds: 20 })
  t.equal(nextDelayMs({ attempt: 9, error, random: () => 0 }), 20_000)
  t.equal(nextDelayMs({ attempt: 9, error, random: () => 0.999 }), 21_998)
  const absurd = failed('desk_throttled', { retryAfterSeconds: 10_000_000 })
  t.equal(nextDelayMs({ attempt: 1, error: absurd, random: () => 0 }), 3_600_000)
  const nothing = failed('desk_throttled', { retryAfterSeconds: 0 })
  t.equal(nextDelayMs({ attempt: 1, error: nothing, random: () => 0 }), RETRY_RULES.floorMs)
})

t.test('G1: time never repeats what may have been sent to a customer', async t => {
  for (const code of codes.filter(each => each.startsWith('wa_') || each === 'outcome_unknown')) {
    const error = failed(code, { certainty: 'may_have_happened', retryAfterSeconds: 1 })
    t.equal(nextDelayMs({ attempt: 1, error, random: half }), null, code)
    t.strictSame(decide(error), { do: 'stop', because: 'uncertain' }, code)
  }
})

t.test('H2: what may have happened at the desk is repeated after the lookup', async t => {
  t.match(decide(failed('desk_no_answer')), { do: 'pause', scope: 'desk' })
})

t.test('what is invalid stops at once', async t => {
  for (const code of codes) {
    const { remedy, certainty } = ERROR_TABLE[code]
    if (remedy !== 'fix_message' && remedy !== 'never') continue
    const because = certainty === 'may_have_happened' ? 'uncertain' : 'refused'
    t.strictSame(decide(failed(code)), { do: 'stop', because }, code)
  }
})

t.test('what waits for the customer waits without a clock', async t => {
  t.strictSame(decide(failed('wa_window_closed')), { do: 'stop', because: 'waits' })
  t.strictSame(decide(failed('wa_template_paused')), { do: 'stop', because: 'waits' })
})

t.test('H1: a desk outage sets nothing aside before seven days', async t => {
  t.match(decide(failed('desk_unavailable'), 5000, 7 * DAY - 1), { do: 'pause', scope: 'desk' })
  t.strictSame(decide(failed('desk_unavailable'), 5000, 7 * DAY), { do: 'stop', because: 'too_old' })
})

t.test('H4, G4: a missing token or setting pauses its scope until a person acts', async t => {
  t.match(decide(failed('desk_unauthorized'), 9999, 60 * DAY), { do: 'pause', scope: 'desk' })
  t.match(decide(failed('wa_token_invalid'), 9999, 60 * DAY), { do: 'pause', scope: 'number' })
  t.match(decide(failed('wa_payment'), 9999, 60 * DAY), { do: 'pause', scope: 'waba' })
  const { delayMs } = decide(failed('desk_unauthorized')) as { delayMs: number }
  t.ok(delayMs >= RETRY_RULES.probeMs && delayMs <= 2 * RETRY_RULES.probeMs)
})

t.test('a defect of ours is tried five times, a file likewise', async t => {
  t.match(decide(failed('internal'), 4, 99 * DAY), { do: 'retry' })
  t.strictSame(decide(failed('internal'), 5), { do: 'stop', because: 'too_many_tries' })
  t.strictSame(decide(failed('media_unfetched'), 5), { do: 'stop', because: 'too_many_tries' })
  t.strictSame(decide(failed('desk_taken'), 5), { do: 'stop', because: 'too_many_tries' })
})

t.test('G2: one throttled customer holds up no other', async t => {
  t.match(decide(failed('wa_throttled_pair')), { do: 'retry' })
  t.match(decide(failed('desk_flood')), { do: 'retry' })
  t.match(decide(failed('wa_throttled_number')), { do: 'pause', scope: 'number' })
})

t.test('an answer that could not leave for a day is left to a person', async t => {
  t.match(decide(failed('wa_unreachable'), 300, DAY - 1), { do: 'pause' })
  t.strictSame(decide(failed('wa_unreachable'), 300, DAY), { do: 'stop', because: 'too_old' })
})

t.test('the database is waited for without end', async t => {
  t.match(decide(failed('database_unavailable'), 9999, 90 * DAY), { do: 'pause', scope: 'installation' })
})

t.test('every code has an answer', async t => {
  for (const code of codes) {
    const decision = decide(failed(code))
    if (decision.do !== 'stop') t.ok(decision.delayMs > 0, code)
    else t.ok(['refused', 'uncertain', 'waits'].includes(decision.because), code)
  }
})
