/** How long a parked answer waits: by the number's clock, at most a day, less where its policy says so. */
import type { Bridge } from '../bridge.ts'
import type { ServedNumber } from '../registry.ts'

/** The number's own time; a sandbox's clock may be ahead. */
export function numberNow(bridge: Bridge, number: ServedNumber): Date {
  return new Date(bridge.clock.now().getTime() + bridge.registry.offsetMs(number.id))
}

/** What was parked before this moment has waited its time out. */
export function parkedBefore(bridge: Bridge, number: ServedNumber): Date {
  const policyMs = number.rules.parkedHours * 3_600_000 * bridge.timeFactor
  return new Date(numberNow(bridge, number).getTime() - Math.min(policyMs, bridge.times.parkedMs))
}
