/**
 * When PostgreSQL's clock was set back, everything stamped or due by the old time would wait until the clock has come
 * there again. Puts such times right: what has happened cannot lie in the future, and what waits is looked at soon. May be
 * done by several processes at once and any number of times. A step forward needs nothing: leases end early, and the
 * fencing numbers tell their old holders so.
 */
import type pg from 'pg'

/** Who had read the clock before it was set back may write what he read for as long as a statement may take. */
const STRADDLES_MS = 30_000

/** @returns what each beat tells how far the clock has stepped back; answers whether it has just done so */
export function createStepWatch(options: { pool: pg.Pool; leaseSeconds: number; monotonicMs: () => number }) {
  let until = Number.NEGATIVE_INFINITY
  return async (steppedBackMs: number): Promise<boolean> => {
    const isNew = steppedBackMs >= STEP_MS
    if (isNew) until = options.monotonicMs() + STRADDLES_MS
    if (options.monotonicMs() < until) await forgiveStepBack(options.pool, options.leaseSeconds)
    return isNew
  }
}

/** A clock that is disciplined moves less than this between two beats, milliseconds. */
const STEP_MS = 5_000
/** What was to wait longer is looked at once more after this, seconds. */
const LOOK_AGAIN_SECONDS = 5

export async function forgiveStepBack(pool: pg.Pool, leaseSeconds: number): Promise<void> {
  const lease = `clock_timestamp() + make_interval(secs => ${leaseSeconds})`
  const soon = `clock_timestamp() + interval '${LOOK_AGAIN_SECONDS} seconds'`
  const now = 'clock_timestamp()'
  await pool.query(
    `update events set received_at = least(received_at, ${now}), attempt_at = least(attempt_at, ${now}),
       due_at = least(due_at, ${soon})
     where state = 0 and (received_at > ${now} or attempt_at > ${now} or due_at > ${soon})`
  )
  await pool.query(
    `update lanes set lease_until = least(lease_until, ${lease}), tokens_at = least(tokens_at, ${now}),
       due_at = least(due_at, case when owner is null then ${soon} else least(lease_until, ${lease}) end)
     where due_at > ${soon} or lease_until > ${lease} or tokens_at > ${now}`
  )
  await pool.query(
    `update deliveries set tick_due_at = least(tick_due_at, ${soon}), tick_lease = least(tick_lease, ${lease}),
       uncertain_at = least(uncertain_at, ${now}), parked_at = least(parked_at, ${now})
     where tick_due_at > ${soon} or tick_lease > ${lease} or uncertain_at > ${now} or parked_at > ${now}`
  )
  await pool.query(`update parts set attempt_at = ${now} where state in (0, 3) and attempt_at > ${now}`)
  // Last: as long as a beat lies in the future, the step is seen again.
  await pool.query(
    `update processes set seen_at = least(seen_at, ${now}), started_at = least(started_at, ${now})
     where seen_at > ${now} or started_at > ${now}`
  )
}
