/** H-rows: the desk answers errors, nothing, half, late, too often, not to us; agents delete things; hooks are lost. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { slow } from './report.ts'
import { deskCalls, every, nothingSetAside, REFUSING_ROWS } from './rows-desk-refuses.ts'
import { eventually, keepTalking, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

const WRITES = 'POST /api'

/** Desk faults for a while under load in both directions, then none. */
function troubled(
  head: Omit<Scenario, 'play'>,
  options: {
    faults: Fault[] | ((world: World) => Fault[])
    forMs: number
    check?: (world: World, from: number) => Promise<string[]>
    /** The desk is down: acknowledgements must not feel it. */
    down?: boolean
  }
): Scenario {
  return {
    ...head,
    async play(world, { quick }) {
      // WhatsApp takes 45 messages at once for one customer, then one in 6 s: a long talk needs more of them.
      const chats = await world.load.openChats('setup', Math.max(4, options.forMs / 4_000))
      const stopTalking = keepTalking(world, chats)
      await pause(500)
      const from = (await world.doors.ledger()).at(-1)!.n
      await world.doors.faults(typeof options.faults === 'function' ? options.faults(world) : options.faults)
      await pause(quick ? Math.min(2_500, options.forMs) : options.forMs)
      const wrong = (await options.check?.(world, from)) ?? []
      if (options.down === true) wrong.push(...(await slowAcks(world, from)))
      await world.doors.faults([])
      await stopTalking()
      return [...wrong, ...(await nothingSetAside(world))]
    }
  }
}

/** What Meta asks of whoever takes webhooks: median at most 250 ms, 99 of 100 within a second. */
async function slowAcks(world: World, from: number): Promise<string[]> {
  const hooks = (await world.doors.ledger('&side=graph&what=hook&name=message')).filter(entry => entry.n > from)
  const took = hooks.map(entry => entry.tookMs ?? 0).sort((a, b) => a - b)
  const at = (share: number): number => Math.round(took[Math.floor(took.length * share)] ?? 0)
  return [
    ...(took.length < 10 ? [`only ${took.length} webhooks came while the desk was down`] : []),
    ...(at(0.5) > 250 ? [slow(`acknowledgements took ${at(0.5)} ms in the median while the desk was down`)] : []),
    ...(at(0.99) > 1_000 ? [slow(`99 % of acknowledgements took ${at(0.99)} ms while the desk was down`)] : []),
    ...(hooks.some(entry => entry.status !== 200) ? ['webhooks were refused while only the desk was down'] : [])
  ]
}

export const DESK_ROWS: Scenario[] = [
  troubled(
    {
      id: 'H1',
      fault: 'desk answers 500, 502, 503 to everything',
      moment: 'under load in both directions'
    },
    {
      faults: [
        every('status', { status: 500, probability: 0.34 }),
        every('status', { status: 502, probability: 0.5 }),
        every('status', { status: 503 })
      ],
      forMs: 8_000,
      down: true
    }
  ),
  troubled(
    { id: 'H1', fault: 'desk answers 503 for 60 s', moment: 'true times', trueTimes: true, patienceMs: 360_000 },
    {
      faults: [every('status', { status: 503 })],
      forMs: 60_000,
      down: true,
      async check(world, from) {
        const calls = await deskCalls(world, from)
        return calls > 120 ? [`${calls} calls in 60 s to a desk that is down`] : []
      }
    }
  ),
  troubled(
    { id: 'H2', fault: 'desk accepts and never answers', moment: 'every second write, both directions' },
    { faults: [every('timeout_after_accept', { match: WRITES, probability: 0.4, count: 6 })], forMs: 5_000 }
  ),
  troubled(
    { id: 'H2', fault: 'desk acts after we gave the request up', moment: 'some writes, both directions' },
    {
      // Given up after 15 s, looked for after 20 s more; both shortened.
      faults: ({ timeFactor }) => [
        every('commit_after_timeout', { match: WRITES, probability: 0.3, count: 4, delayMs: 25_000 * timeFactor })
      ],
      forMs: 6_000
    }
  ),
  troubled(
    {
      id: 'H2',
      fault: 'desk acts 16 s late, after we gave the request up',
      moment: 'true times',
      trueTimes: true,
      patienceMs: 240_000
    },
    { faults: [every('commit_after_timeout', { match: WRITES, probability: 0.2, count: 3 })], forMs: 5_000 }
  ),
  troubled(
    { id: 'H2', fault: 'desk answers half a JSON, resets', moment: 'some writes, both directions', quick: true },
    {
      faults: [
        every('garbage', { match: WRITES, probability: 0.3, count: 6 }),
        every('reset', { match: WRITES, probability: 0.3, count: 6 })
      ],
      forMs: 5_000
    }
  ),
  troubled(
    { id: 'H2', fault: 'desk answers half, then nothing for 30 s', moment: 'some writes, both directions' },
    { faults: [every('slow_body', { match: WRITES, probability: 0.3, count: 4 })], forMs: 6_000 }
  ),
  troubled(
    {
      id: 'H2',
      fault: 'desk cuts the connection in the middle of its answer',
      moment: 'some writes, both directions',
      quick: true
    },
    { faults: [every('cut_body', { match: WRITES, probability: 0.3, count: 8 })], forMs: 5_000 }
  ),
  troubled(
    {
      id: 'H3',
      fault: 'desk answers 429, Retry-After in seconds',
      moment: 'under load in both directions'
    },
    {
      faults: [every('status', { status: 429, headers: { 'retry-after': '3' } })],
      forMs: 2_500,
      async check(world, from) {
        // Requests that were in flight, and one probe.
        const calls = await deskCalls(world, from)
        return calls > 12 ? [`${calls} calls although the desk asked to wait 3 s`] : []
      }
    }
  ),
  {
    id: 'H3',
    fault: 'desk answers 429, Retry-After as a date',
    moment: 'under load in both directions',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      const stopTalking = keepTalking(world, chats)
      const from = (await world.doors.ledger()).at(-1)!.n
      const until = new Date(Date.now() + 5_000).toUTCString()
      await world.doors.faults([every('status', { status: 429, headers: { 'retry-after': until } })])
      await pause(2_500)
      const calls = await deskCalls(world, from)
      await world.doors.faults([])
      await stopTalking()
      return calls > 20 ? [`${calls} calls although the desk named a time`] : []
    }
  },
  ...REFUSING_ROWS,
  missedHooks(false),
  missedHooks(true),
  {
    id: 'H7',
    fault: 'hooks doubled, reordered, delayed, lost',
    moment: 'agents at work',
    quick: true,
    patienceMs: 90_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      await world.doors.faults([
        { on: 'hook:desk', kind: 'duplicate', probability: 0.2 },
        { on: 'hook:desk', kind: 'reorder', probability: 0.2, delayMs: 60 },
        { on: 'hook:desk', kind: 'delay', probability: 0.2, delayMs: 500 },
        { on: 'hook:desk', kind: 'drop', probability: 0.15 }
      ])
      await world.load.burstOut('hooks', chats, { each: 5 })
      await pause(1_500)
      await world.doors.faults([])
      return []
    }
  }
]

function missedHooks(trueTimes: boolean): Scenario {
  return {
    id: 'H7',
    fault: trueTimes ? 'Puente down for 2 min' : 'Puente down while agents write',
    moment: trueTimes ? 'true times' : 'agents answer, start conversations, delete and retry meanwhile',
    trueTimes,
    quick: !trueTimes,
    patienceMs: trueTimes ? 420_000 : 60_000,
    // Retried while nobody listened: the desk paints it failed again, and then nobody can tell that it was clicked.
    allows: { shown: { most: 1, as: /retried-.*failed wa_undeliverable/ } },
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      // One message fails for good, to be retried by its agent while nobody listens.
      await world.doors.post('graph', { failNext: [{ code: 131026, as: 'sync' }] })
      const failing = await world.load.reply('retried', chats[0]!)
      const failed = await eventually(async () => (await shownStatus(world, failing.messageId)) === 'failed', 8_000)
      await world.kill(world.puentes.at(-1)!)
      await world.load.burstOut('missed', chats, { each: 2, deletes: false })
      await world.doors.act({ act: 'retry', conversationId: failing.conversationId, messageId: failing.messageId })
      await pause(trueTimes ? 120_000 : 1_500)
      await world.start()
      await world.settle(trueTimes ? 400_000 : 45_000)
      const sent = (await world.doors.ledger('&side=graph&what=effect&name=sent')).filter(entry =>
        JSON.stringify(entry.body).includes(failing.units[0]!)
      )
      const shown = await shownStatus(world, failing.messageId)
      return [
        ...(failed ? [] : ['the refused message was not shown failed']),
        // The desk paints it failed again when the hook of the click finds nobody: then nobody can tell that it was clicked.
        ...(sent.length === 1 || (sent.length === 0 && shown === 'failed')
          ? []
          : [`the retried message was sent ${sent.length} times and shows ${shown}`])
      ]
    }
  }
}

export async function shownStatus(world: World, messageId: number): Promise<string | undefined> {
  const { conversations } = await world.doors.view()
  return conversations.flatMap(each => each.messages).find(message => message.id === messageId)?.status
}
