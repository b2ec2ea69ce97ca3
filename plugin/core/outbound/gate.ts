/** Pauses a number whose token, registration or standing is in trouble, and wakes it when a probe succeeds. */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, ERROR_TABLE, type ErrorCode, type PuenteError } from '../errors.ts'
import { isPause } from '../gates.ts'
import { GateClosed } from '../lanes/hold.ts'
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
  const gate = `number:${number.id}`
  const wasPaused = isPause(bridge.gates.state(gate))
  if (bridge.gates.open(gate)) bridge.wake()
  // Its answers were left until the next probe.
  if (wasPaused) {
    bridge.background(async () => {
      await bridge.lanes.hurry({ deskIds: [], numberIds: [number.id] })
      bridge.wake()
    })
  }
  // Paused by an earlier process, perhaps: its gate died with it.
  if (number.pausedCode === null) return
  number.pausedCode = null
  bridge.log.info({ number: number.id }, 'number works again')
  void bridge.numbers.pauseNumber(number.id, null).catch(() => {})
}

/**
 * A call of the inbound direction that shows the number's token. A refused token pauses the number as it does for a send,
 * and while it is refused only one call in a while tries it; other troubles of the number do not concern such calls.
 */
export async function callWithToken<T>(bridge: Bridge, number: ServedNumber, call: () => Promise<T>): Promise<T> {
  const key = `number:${number.id}`
  const shut = bridge.gates.state(key)
  const refused = isOfToken(shut === undefined ? number.pausedCode : shut.code)
  if (shut !== undefined && refused && !bridge.gates.enter(key)) {
    throw new GateClosed(Math.max(200, shut.untilMs - bridge.clock.monotonicMs()))
  }
  try {
    const answer = await call()
    if (refused) openNumberGate(bridge, number)
    return answer
  } catch (thrown) {
    const error = asPuenteError(thrown)
    if (error.remedy !== 'reauthorise') {
      if (refused) bridge.gates.release(key)
      throw error
    }
    if (bridge.registry.number(number.id)?.token !== number.token) {
      // Refused with a token that was replaced meanwhile: that says nothing about the new one.
      bridge.gates.open(key)
      throw new GateClosed(100)
    }
    throw new GateClosed(closeNumberGate(bridge, number, error))
  }
}

function isOfToken(code: string | null): boolean {
  return code !== null && ERROR_TABLE[code as ErrorCode]?.remedy === 'reauthorise'
}
