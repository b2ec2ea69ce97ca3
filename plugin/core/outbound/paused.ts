/**
 * A number that waits for a person: nothing is tried but one probe in a while, and every answer that is written
 * meanwhile says at once why it does not leave. It goes out by itself when the cause is gone.
 */

import { pauseOf } from '../gates.ts'
import { doneWork, EVENTS_PER_LANE, type Leaving, laterWork } from '../lanes/hold.ts'
import type { LaneEvent } from '../ports/store.ts'
import { recordDelivery } from './deliver.ts'
import { isRemoved, type OutboundRun } from './work-lane.ts'

/** So many answers of one conversation say why they wait; whoever has written more knows. */
const MOST_SAID = 200
/** A probe that goes through hurries everybody; until it has ended, nobody needs to look. */
const PROBING_MS = 5_000

/** How the lane is left when its number is paused; null = it is not, or what comes first has to be looked at all the same. */
export async function leavePaused(run: OutboundRun): Promise<Leaving | null> {
  const { bridge, lane, number } = run
  const pause = pauseOf(bridge, number.id)
  if (pause === null || (lane.events[0] !== undefined && !isMessage(lane.events[0]))) return null
  const waiting = await readAll(run, pause.code)
  // The last that is read may be removed by what lies beyond.
  const known = waiting.length < MOST_SAID ? waiting : waiting.slice(0, -1)
  for (const event of known) {
    // Of what was begun something may have left: that is settled, and told, where it always is.
    if (event.attempt !== null || isRemoved(waiting, event.ord)) continue
    if (event.kind === 'retry') await sayAgain(run, event, waiting)
    else if (isMessage(event) && event.code !== pause.code) await say(run, event, pause.code)
  }
  if (lane.events[0]?.attempt != null) return null
  const forMs = pause.forMs > 0 ? Math.max(200, pause.forMs) : PROBING_MS * bridge.timeFactor
  return { dueInMs: forMs, strikes: lane.strikes, work: run.pending }
}

/** All that waits in the lane, not only the picture of its claim: nothing will be delivered from it. */
async function readAll({ bridge, lane }: OutboundRun, code: string): Promise<LaneEvent[]> {
  const last = lane.events.at(-1)
  if (last === undefined || lane.events.length < EVENTS_PER_LANE) return lane.events
  const behind = await bridge.lanes.waitingBehind(lane.id, last, MOST_SAID - lane.events.length)
  await bridge.lanes.preload(behind.filter(event => event.code !== code))
  return [...lane.events, ...behind]
}

const isMessage = ({ kind }: LaneEvent): boolean => kind === 'hook' || kind === 'note'

async function say(run: OutboundRun, event: LaneEvent, code: string): Promise<void> {
  const { bridge, lane, number } = run
  const hook = bridge.readHook(await bridge.lanes.payload(event))
  if (hook.kind !== 'message') return
  run.pending.push(
    ...recordDelivery(run, { messageId: event.ord, payload: event, hook }),
    { op: 'state', numberId: number.id, messageId: event.ord, state: 'queued', code, tickInMs: 0 },
    laterWork(lane, event, 0, { code })
  )
}

/** A person pressed Retry on a message that goes out by itself: the click changes nothing, and the desk shows it sent. */
async function sayAgain(run: OutboundRun, event: LaneEvent, waiting: LaneEvent[]): Promise<void> {
  const { bridge, lane, number } = run
  if (!waiting.some(other => isMessage(other) && other.ord === event.ord)) return
  await bridge.deliveries.correctTold(number.id, event.ord, 'sent')
  run.pending.push(doneWork(lane, event, 1))
}
