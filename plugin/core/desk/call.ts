/**
 * One call to the desk, in the order that the laws ask for: permit, gate, attempt committed, deadline checked, bytes.
 */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, needsPerson, PuenteError } from '../errors.ts'
import { BindingMoved, dropPermit, GateClosed, type HeldLane, LaneLost } from '../lanes/hold.ts'
import type { DeskAccess, DeskCallOptions } from '../ports/help-desk.ts'
import type { Work } from '../ports/store.ts'
import { nextDelayMs } from '../retry.ts'
import { type Permit, PRIORITY, type Priority } from './permits.ts'

export interface DeskCall<T> {
  deskId: number
  access: DeskAccess
  priority?: Priority
  /** It yields: after so long without a permit it gives up, to come back as much later. */
  yieldMs?: number
  /** The lane whose fence protects the attempt; reads and repeatable writes need none. */
  lane?: HeldLane
  /** Asked when it is the call's turn; committed before the first byte. Must contain the attempt. */
  attempt?: () => Promise<Work[]>
  /** Reserved before the claim of the lane, which was the attempt: nothing has to be committed any more. */
  permit?: Permit
  /** A refusal says only that this token may not do this; whoever asks goes on without. Otherwise it pauses the desk. */
  mayBeRefused?: true
  run: (access: DeskAccess, options: DeskCallOptions) => Promise<T>
}

export async function callDesk<T>(bridge: Bridge, call: DeskCall<T>): Promise<T> {
  const { deskId, lane } = call
  const gate = `desk:${deskId}`
  // Who asks for a permit does not sit on another one.
  if (lane !== undefined) dropPermit(lane)
  const permit = call.permit ?? (await bridge.permits(deskId).acquire(call.priority ?? PRIORITY.message, call.yieldMs))
  if (permit === null) throw new GateClosed((call.yieldMs ?? 0) * (1 + bridge.random()))
  permit.use()
  let committedMs = bridge.clock.monotonicMs()
  const check = (): void => {
    if (lane?.lost) throw new LaneLost()
    // A process that slept after its commit (a stopped virtual machine, a blocked loop) must not speak late.
    if (call.attempt !== undefined && bridge.clock.monotonicMs() - committedMs > bridge.times.attemptDeadlineMs) {
      throw new PuenteError('desk_unreachable', { scope: 'message', facts: { why: 'deadline of the attempt passed' } })
    }
  }
  let entered = false
  try {
    check()
    if (!bridge.gates.enter(gate)) throw new GateClosed(waitFor(bridge, gate))
    entered = true
    if (call.permit !== undefined && lane !== undefined) {
      committedMs = lane.claimedMs
      bridge.breakpoint('desk.attempted')
    } else if (call.attempt !== undefined) {
      const work = await call.attempt()
      bridge.breakpoint('desk.permit')
      // Counted from before the commit: a process may also fall asleep between the commit and its answer.
      committedMs = bridge.clock.monotonicMs()
      const recorded = await bridge.recorder.record(work)
      if (recorded === 'lost') throw new LaneLost()
      if (recorded === 'moved') throw new BindingMoved()
      bridge.breakpoint('desk.attempted')
    }
    const startedMs = bridge.clock.monotonicMs()
    const answer = await call.run(call.access, { beforeBytes: check })
    bridge.breakpoint('desk.answered')
    permit.release({ tookMs: bridge.clock.monotonicMs() - startedMs })
    reopen(bridge, deskId)
    return answer
  } catch (thrown) {
    if (thrown instanceof LaneLost || thrown instanceof GateClosed || thrown instanceof BindingMoved) {
      permit.release('unused')
      if (entered) bridge.gates.release(gate)
      throw thrown
    }
    const error = asPuenteError(thrown)
    if (needsPerson(error) && wasReplaced(bridge, deskId, call.access.token)) {
      // Refused with a token that was replaced meanwhile: that says nothing about the new one.
      permit.release('unused')
      bridge.gates.open(gate)
      throw new GateClosed(100)
    }
    if (call.mayBeRefused === true && error.code === 'desk_forbidden') {
      // Says nothing of whether the rest is allowed: what is shut stays so.
      permit.release('unused')
      bridge.gates.release(gate)
    } else if (error.scope === 'desk') {
      permit.release('trouble')
      closeDeskGate(bridge, deskId, error)
    } else {
      // An answer, only not the wished one: the desk is well.
      permit.release('unused')
      reopen(bridge, deskId)
    }
    throw error
  }
}

function reopen(bridge: Bridge, deskId: number): void {
  const wasShut = bridge.gates.open(`desk:${deskId}`)
  // After a start the mark of before may stand while nothing is shut.
  const isMarked = bridge.registry.desks().some(desk => desk.id === deskId && desk.pausedCode !== null)
  if (!wasShut && !isMarked) return
  bridge.log.info({ desk: deskId }, 'desk answers again')
  markDesk(bridge, deskId, null)
  bridge.wake()
}

function wasReplaced(bridge: Bridge, deskId: number, token: string): boolean {
  const desk = bridge.registry.desks().find(candidate => candidate.id === deskId)
  return desk !== undefined && desk.token !== token
}

function closeDeskGate(bridge: Bridge, deskId: number, error: PuenteError): void {
  const gate = `desk:${deskId}`
  const attempt = (bridge.gates.state(gate)?.strikes ?? 0) + 1
  const known = { code: error.code, certainty: 'did_not_happen', remedy: error.remedy, scope: error.scope } as const
  const delayMs = nextDelayMs({
    attempt,
    error: { ...known, retryAfterSeconds: error.retryAfterSeconds },
    random: bridge.random
  })
  bridge.gates.close(gate, error.code, delayMs ?? 1_000)
  // What needs a person is said once, however often it is probed meanwhile.
  const said = bridge.registry.desks().find(desk => desk.id === deskId)?.pausedCode === error.code
  if (needsPerson(error) ? !said : attempt === 1) {
    bridge.log.warn({ desk: deskId, code: error.code, facts: error.facts, delayMs }, 'desk paused')
  }
  bridge.count('desk_paused', { code: error.code })
  if (needsPerson(error)) markDesk(bridge, deskId, error.code)
}

/** What only a person can mend is kept for `puente status`. */
function markDesk(bridge: Bridge, deskId: number, code: string | null): void {
  const desk = bridge.registry.desks().find(candidate => candidate.id === deskId)
  if (desk === undefined || desk.pausedCode === code) return
  desk.pausedCode = code
  bridge.background(() => bridge.numbers.pauseDesk(deskId, code))
}

function waitFor(bridge: Bridge, gate: string): number {
  const state = bridge.gates.state(gate)
  if (state === undefined) return 100
  return Math.max(100, state.untilMs - bridge.clock.monotonicMs()) + bridge.random() * 200
}
