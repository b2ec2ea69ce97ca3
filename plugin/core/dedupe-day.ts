/**
 * The day by which a stored item is partitioned: that of its own time, so that each redelivery finds the same dedupe
 * key. A sandbox's clock may jump by weeks; its days are folded into the last seven real ones, where partitions exist.
 */
const DAY_MS = 86_400_000
const FOLD_DAYS = 7
const RETAINED_MS = 14 * DAY_MS

/** Stable for seven real days, which is longer than anybody redelivers in a sandbox. */
export function foldDay(at: Date, realNow: Date): Date {
  const today = Math.floor(realNow.getTime() / DAY_MS)
  const day = Math.floor(at.getTime() / DAY_MS)
  const back = (((today - day) % FOLD_DAYS) + FOLD_DAYS) % FOLD_DAYS
  return new Date((today - back) * DAY_MS)
}

/** A message of the desk that is older than the partitions is kept under the first day that there is. */
export function dayOfMessage(writtenAt: Date, sandbox: boolean, now: Date): Date {
  if (sandbox) return foldDay(writtenAt, now)
  const oldest = now.getTime() - RETAINED_MS
  return new Date(Math.min(now.getTime() + DAY_MS, Math.max(oldest, writtenAt.getTime())))
}
