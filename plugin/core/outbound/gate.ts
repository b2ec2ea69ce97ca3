/** Pauses a number whose token, registration or standing is in trouble, and wakes it when a probe succeeds. */
import type { Bridge } from '../bridge.ts'
import type { PuenteError } from '../errors.ts'
import type { ServedNumber } from '../registry.ts'
import { nextDelayMs } from '../retry.ts'

/** Closes the gates of all numbers that share the trouble; answers the delay. */
export function closeNumberGate(bridge: Bridge, number: ServedNumber, error: PuenteError): number {
  const wide = error.scope === 'waba' || error.scope === 'portfolio'
  const sameToken = error.remedy === 'reauthorise'
  const touched = bridge.registry
    .numbers()
    .filter(
      other =>
        other.id === number.id ||
        (wide && other.wabaId === number.wabaId) ||
        (sameToken && other.token === number.token)
    )
  const strikes = (bridge.gates.state(`number:${number.id}`)?.strikes ?? 0) + 1
  const delayMs = (nextDelayMs({ attempt: strikes, error, random: bridge.random }) ?? 60_000) * bridge.timeFactor
  for (const other of touched) {
    bridge.gates.close(`number:${other.id}`, error.code, delayMs)
    if (error.remedy !== 'retry' && other.pausedCode === null) {
      other.pausedCode = error.code
      bridge.log.error({ number: other.id, code: error.code, facts: error.facts }, 'number paused')
      void bridge.numbers.pauseNumber(other.id, error.code, error.facts).catch(() => {})
    }
  }
  bridge.count('number_paused', { code: error.code })
  return delayMs
}

export function openNumberGate(bridge: Bridge, number: ServedNumber): void {
  const wasClosed = bridge.gates.open(`number:${number.id}`)
  if (wasClosed) bridge.wake()
  // Paused by an earlier process, perhaps: its gate died with it.
  if (number.pausedCode === null) return
  number.pausedCode = null
  bridge.log.info({ number: number.id }, 'number works again')
  void bridge.numbers.pauseNumber(number.id, null).catch(() => {})
}
