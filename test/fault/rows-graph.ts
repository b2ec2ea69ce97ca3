/** G-rows: WhatsApp resets, throttles, stays silent, refuses tokens and messages, serves broken media. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { shownStatus } from './rows-desk.ts'
import { MEDIA_ROWS } from './rows-media.ts'
import { eventually, keepTalking, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

const send = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  on: 'call:graph',
  kind,
  match: 'POST /messages',
  ...more
})

async function counts(world: World): Promise<Record<string, number>> {
  const rows = await world.query<{ state: string; n: number }>(
    'select state, count(*)::int as n from deliveries group by 1'
  )
  return Object.fromEntries(rows.map(row => [row.state, row.n]))
}

function troubled(
  head: Omit<Scenario, 'play'>,
  faults: Fault[],
  check?: (world: World) => Promise<string[]>
): Scenario {
  return {
    ...head,
    async play(world) {
      const chats = await world.load.openChats('setup', 5)
      await world.doors.faults(faults)
      await world.load.burstOut('graph', chats, { each: 3, deletes: false })
      await pause(2_500)
      await world.doors.faults([])
      await world.settle(head.patienceMs ?? 45_000)
      return (await check?.(world)) ?? []
    }
  }
}

/** How often WhatsApp was asked to send something since this position; read marks and typing apart. */
async function countSends(world: World, from: number): Promise<number> {
  const calls = await world.doors.ledger('&side=graph&what=call&name=POST /messages')
  const courtesies = new Set<unknown>(['read', 'typing'])
  return calls.filter(entry => entry.n > from && !courtesies.has(entry.ids['kind'])).length
}

/** What the agent reads on the message. */
async function shownReason(world: World, messageId: number): Promise<string> {
  const { conversations } = await world.doors.view()
  const message = conversations.flatMap(each => each.messages).find(each => each.id === messageId)
  return String(message?.contentAttributes['external_error'] ?? '')
}

interface Trouble {
  begin(world: World): Promise<unknown>
  end(world: World): Promise<unknown>
}

const refusing = (code: number): Trouble => ({
  begin: world => world.doors.faults([send('status', { status: 400, body: { code } })]),
  end: world => world.doors.faults([])
})

/** The number waits for a person, says so on the message, asks hardly ever, and goes on by itself. */
function needsPerson(fault: string, code: string, trouble: Trouble): Scenario {
  return {
    id: 'G4',
    fault,
    moment: 'under load in both directions',
    patienceMs: 150_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const stopTalking = keepTalking(world, chats)
      await pause(500)
      await trouble.begin(world)
      const reply = await world.load.reply('waiting', chats[0]!)
      const said = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'failed', 10_000)
      const reason = await shownReason(world, reply.messageId)
      const paused = await world.query<{ code: string | null }>('select paused_code as code from numbers')
      const from = (await world.doors.ledger()).at(-1)!.n
      await pause(1_500)
      const calls = (await world.doors.ledger('&side=graph&what=call&name=POST /messages')).filter(
        entry => entry.n > from && (entry.status ?? 0) >= 400
      )
      await stopTalking()
      await trouble.end(world)
      await world.puentes.at(-1)!.connectSandbox(world.doors.deskUrl)
      const went = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'read', 30_000)
      return [
        ...(said && reason.length >= 20 ? [] : [`the agent sees no reason on the message: ${reason}`]),
        ...(went ? [] : ['the message did not go out by itself afterwards']),
        ...(paused[0]?.code === code ? [] : [`the number is paused with ${paused[0]?.code}`]),
        ...(calls.length > 6 ? [`${calls.length} calls although a person is needed`] : [])
      ]
    }
  }
}

export const GRAPH_ROWS: Scenario[] = [
  troubled(
    {
      id: 'G1',
      fault: 'Graph resets before the headers of its answer (accepted or not)',
      moment: 'some sends',
      quick: true,
      // Of a reset before the request was taken nobody can tell; what was taken is named by its status.
      allows: { uncertain: 3 }
    },
    [send('reset', { count: 3, probability: 0.4 }), send('commit_after_timeout', { count: 3, probability: 0.4 })]
  ),
  troubled({ id: 'G1', fault: 'Graph answers 500 and 503', moment: 'some sends', allows: { uncertain: 6 } }, [
    send('status', { status: 500, count: 3, probability: 0.4 }),
    send('status', { status: 503, count: 3, probability: 0.4 })
  ]),
  {
    id: 'G2',
    fault: 'Graph answers 80007 (account), then HTTP 429 with and without Retry-After',
    moment: 'several customers',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      await world.doors.faults([
        send('status', { status: 400, body: { code: 80007 }, count: 2 }),
        send('status', { status: 429, body: { code: 80007 }, headers: { 'retry-after': '2' }, count: 1 }),
        send('status', { status: 429, body: {}, count: 1 })
      ])
      await world.load.burstOut('account', chats, { each: 3, deletes: false })
      await world.settle(60_000)
      const left = (await world.doors.get('faults')) as Fault[]
      const refusals = (await world.doors.ledger('&side=graph&what=call')).filter(entry => entry.fault === 'status')
      await world.doors.faults([])
      return [
        ...(left.every(fault => fault.count === 0) ? [] : ['not every refusal was met']),
        // The whole account waits: each refusal costs one call, not one a message.
        ...(refusals.length > 4 ? [`${refusals.length} calls were refused`] : [])
      ]
    }
  },
  {
    id: 'G2',
    fault: 'Graph answers 130429 (number), then 131056 (pair)',
    moment: 'several customers',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      await world.doors.faults([send('status', { status: 400, body: { code: 130429 }, count: 2 })])
      await world.load.burstOut('number', chats, { each: 2, deletes: false })
      await pause(1_500)
      await world.doors.faults([])
      const slow = chats[0]!
      await world.doors.post('graph', { failNext: [{ code: 131056, as: 'sync', count: 2, customer: slow.phone }] })
      await world.load.burstOut('pair', chats, { each: 2, deletes: false })
      const others = world.load.replies.filter(
        reply => reply.tag.startsWith('pair') && reply.conversationId !== slow.conversationId
      )
      const passed = await eventually(async () => {
        const sent = JSON.stringify(await world.doors.ledger('&side=graph&what=effect&name=sent'))
        return others.every(reply => reply.units.every(unit => sent.includes(unit)))
      }, 15_000)
      return passed ? [] : ['a throttled customer held up the others']
    }
  },
  troubled(
    { id: 'G3', fault: 'Graph acts, then stays silent', moment: 'some sends', quick: true },
    [send('timeout_after_accept', { count: 3, probability: 0.5 })],
    async world => {
      const { uncertain = 0 } = await counts(world)
      return uncertain > 0 ? [`${uncertain} sends stay uncertain although their statuses name them`] : []
    }
  ),
  troubled(
    {
      id: 'G3',
      fault: 'Graph acts, then stays silent for 20 s',
      moment: 'true times',
      trueTimes: true,
      patienceMs: 150_000
    },
    [send('timeout_after_accept', { count: 2, probability: 0.5 })]
  ),
  needsPerson('Graph token expired (190), then a valid one', 'wa_token_invalid', {
    begin: world => world.doors.post('graph', { token: 'expired' }),
    end: world => world.doors.post('graph', { token: 'valid' })
  }),
  needsPerson('Graph permission taken away (10), then given', 'wa_permission', refusing(10)),
  needsPerson('Graph permission for this account missing (200), then given', 'wa_permission', {
    begin: world => world.doors.post('graph', { token: 'no_permission' }),
    end: world => world.doors.post('graph', { token: 'valid' })
  }),
  needsPerson('the number is not registered (133010), then it is', 'wa_number_unregistered', refusing(133010)),
  {
    id: 'G5',
    fault: 'WhatsApp refuses for good (131026, 131051, 100), and for the window (131047)',
    moment: 'at once and as a status, a person retries',
    allows: { shown: { most: 3, as: /failed wa_(undeliverable|invalid)/ } },
    async play(world) {
      const cases = [
        { code: 131026, as: 'sync', says: 'wa_undeliverable', retried: true },
        { code: 131051, as: 'sync', says: 'wa_invalid' },
        { code: 100, as: 'sync', says: 'wa_invalid' },
        { code: 131026, as: 'status', says: 'wa_undeliverable' },
        { code: 131047, as: 'sync', says: 'wa_window_closed', parked: true },
        { code: 131047, as: 'status', says: 'wa_window_closed', parked: true }
      ] as const
      const chats = await world.load.openChats('setup', cases.length)
      const wrong: string[] = []
      for (const [index, each] of cases.entries()) {
        const chat = chats[index]!
        const name = `${each.code} as ${each.as}`
        await world.doors.post('graph', { failNext: [{ code: each.code, as: each.as, customer: chat.phone }] })
        const from = (await world.doors.ledger()).at(-1)!.n
        const reply = await world.load.reply('refused', chat)
        const failed = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'failed', 10_000)
        if (!failed) wrong.push(`${name} was not shown as failed`)
        const reason = await shownReason(world, reply.messageId)
        // One sentence with its remedy, the code last: Meta's own where a status told it.
        const ends = [each.says, String(each.code)].some(code => reason.endsWith(`(${code})`))
        if (!ends || reason.length < 40 || reason.length > 120) wrong.push(`${name} shows as its reason: ${reason}`)
        // Time alone must not send again what was refused for good.
        await pause(2_500)
        const asked = await countSends(world, from)
        if (asked !== 1) wrong.push(`${name} was sent ${asked} times by itself`)
        const goes = 'parked' in each || 'retried' in each
        if ('parked' in each) {
          const [row] = await world.query<{ state: string }>('select state from deliveries where message_id = $1', [
            reply.messageId
          ])
          if (row?.state !== 'parked') wrong.push(`${name}: ${row?.state} instead of parked`)
          await world.load.say('back', chat.phone)
        } else if ('retried' in each) {
          await world.doors.act({ act: 'retry', conversationId: reply.conversationId, messageId: reply.messageId })
        }
        const shown = await eventually(
          async () => (await shownStatus(world, reply.messageId)) === 'read',
          goes ? 10_000 : 0
        )
        if (goes && !shown) wrong.push(`${name} did not go out afterwards`)
        const sends = await countSends(world, from)
        if (sends !== (goes ? 2 : 1)) wrong.push(`${name} was sent ${sends} times in all`)
        // Accepted and failed later: what left twice is counted above.
        if (each.as === 'status') reply.units = []
      }
      return wrong
    }
  },
  ...MEDIA_ROWS
]
