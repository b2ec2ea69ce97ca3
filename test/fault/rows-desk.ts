/** H-rows: the desk answers errors, nothing, half, late, too often, not to us; agents delete things; hooks are lost. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { eventually, keepTalking, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

const WRITES = 'POST /api'

/** Desk faults for a while under load in both directions, then none. */
function troubled(
  head: Omit<Scenario, 'play'>,
  options: { faults: Fault[]; forMs: number; check?: (world: World, from: number) => Promise<string[]> }
): Scenario {
  return {
    ...head,
    async play(world, { quick }) {
      // WhatsApp takes 45 messages at once for one customer, then one in 6 s: a long talk needs more of them.
      const chats = await world.load.openChats('setup', Math.max(4, options.forMs / 4_000))
      const stopTalking = keepTalking(world, chats)
      await pause(500)
      const from = (await world.doors.ledger()).at(-1)!.n
      await world.doors.faults(options.faults)
      await pause(quick ? Math.min(2_500, options.forMs) : options.forMs)
      const wrong = (await options.check?.(world, from)) ?? []
      await world.doors.faults([])
      await stopTalking()
      return [...wrong, ...(await nothingSetAside(world))]
    }
  }
}

async function nothingSetAside(world: World): Promise<string[]> {
  const aside = await world.query<{ code: string; n: number }>(
    'select code, count(*)::int as n from events where state = 2 group by 1'
  )
  return aside.map(each => `${each.n} set aside for ${each.code}`)
}

async function deskCalls(world: World, from: number): Promise<number> {
  return (await world.doors.ledger('&side=desk&what=call')).filter(entry => entry.n > from).length
}

const every = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({ on: 'call:desk', kind, ...more })

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
      forMs: 8_000
    }
  ),
  troubled(
    { id: 'H1', fault: 'desk answers 503 for 60 s', moment: 'true times', trueTimes: true, patienceMs: 360_000 },
    {
      faults: [every('status', { status: 503 })],
      forMs: 60_000,
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
      faults: [every('commit_after_timeout', { match: WRITES, probability: 0.3, count: 4, delayMs: 2_500 })],
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
  {
    id: 'H4',
    fault: 'desk token revoked (401), then valid again',
    moment: 'under load in both directions',
    patienceMs: 150_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const stopTalking = keepTalking(world, chats)
      await world.doors.faults([every('status', { status: 401 })])
      await pause(1_500)
      const from = (await world.doors.ledger()).at(-1)!.n
      await pause(1_500)
      const calls = await deskCalls(world, from)
      await world.doors.faults([])
      await stopTalking()
      // The admin gives a token: what `connect` does, here the same one again.
      await world.puentes.at(-1)!.connectSandbox(world.doors.deskUrl)
      return [...(calls > 6 ? [`${calls} calls with a revoked token`] : []), ...(await nothingSetAside(world))]
    }
  },
  {
    id: 'H5',
    fault: 'agents delete conversation and contact, resolve a conversation',
    moment: 'between two messages of the customer',
    quick: true,
    judge: { severalConversations: true },
    async play(world) {
      const [one, two, three] = await world.load.openChats('setup', 3)
      await world.doors.act({ act: 'deleteConversation', conversationId: one!.conversationId })
      const view = await world.doors.view()
      const contact = view.conversations.find(each => each.id === two!.conversationId)!.contact!.id
      await world.doors.act({ act: 'deleteContact', contactId: contact })
      await world.doors.act({ act: 'resolve', conversationId: three!.conversationId })
      await pause(600)
      for (const chat of [one!, two!, three!]) for (let i = 0; i < 3; i++) await world.load.say('again', chat.phone)
      await world.settle(30_000)
      const { conversations } = await world.doors.view()
      const wrong: string[] = []
      for (const chat of [one!, two!, three!]) {
        const open = conversations.filter(each => each.contact?.phone === `+${chat.phone}` && each.status === 'open')
        if (open.length !== 1) wrong.push(`${open.length} open conversations after the deletion`)
      }
      return wrong
    }
  },
  {
    id: 'H6',
    fault: 'desk answers 422 to one message',
    moment: "in the middle of a customer's messages",
    quick: true,
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.doors.faults([
        every('status', {
          match: `${chat!.conversationId}/messages`,
          status: 422,
          count: 1,
          body: { error: 'Content is invalid' }
        })
      ])
      for (let i = 0; i < 4; i++) await world.load.say('refused', chat!.phone)
      await world.settle(20_000)
      const aside = await world.query<{ code: string }>('select code from events where state = 2')
      return aside.length === 1 && aside[0]!.code === 'desk_invalid' ? [] : [`set aside: ${JSON.stringify(aside)}`]
    }
  },
  {
    id: 'H6',
    fault: 'the phone belongs to another contact already',
    moment: 'first message of a customer, fifty at once through two processes',
    processes: 2,
    async play(world) {
      const phones = Array.from({ length: 5 }, () => world.load.newPhone())
      for (const phone of phones)
        await world.doors.act({ act: 'createContact', name: 'known already', phone: `+${phone}` })
      await Promise.all(phones.flatMap(phone => Array.from({ length: 10 }, () => world.load.say('race', phone))))
      return []
    }
  },
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
