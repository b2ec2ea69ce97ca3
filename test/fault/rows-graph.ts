/** G-rows: WhatsApp resets, throttles, stays silent, refuses tokens and messages, serves broken media. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { shownStatus } from './rows-desk.ts'
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

export const GRAPH_ROWS: Scenario[] = [
  troubled(
    {
      id: 'G1',
      fault: 'Graph resets before the headers of its answer (accepted or not)',
      moment: 'some sends',
      quick: true
    },
    [send('reset', { count: 3, probability: 0.4 }), send('commit_after_timeout', { count: 3, probability: 0.4 })]
  ),
  troubled({ id: 'G1', fault: 'Graph answers 500 and 503', moment: 'some sends' }, [
    send('status', { status: 500, count: 3, probability: 0.4 }),
    send('status', { status: 503, count: 3, probability: 0.4 })
  ]),
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
  {
    id: 'G4',
    fault: 'Graph token expired, then a valid one',
    moment: 'under load in both directions',
    patienceMs: 150_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const stopTalking = keepTalking(world, chats)
      await world.doors.post('graph', { token: 'expired' })
      await pause(2_000)
      const paused = await world.query<{ code: string | null }>('select paused_code as code from numbers')
      const from = (await world.doors.ledger()).at(-1)!.n
      await pause(1_500)
      const calls = (await world.doors.ledger('&side=graph&what=call&name=POST /messages')).filter(
        entry => entry.n > from
      )
      await stopTalking()
      await world.doors.post('graph', { token: 'valid' })
      await world.puentes.at(-1)!.connectSandbox(world.doors.deskUrl)
      return [
        ...(paused[0]?.code === 'wa_token_invalid' ? [] : [`the number is paused with ${paused[0]?.code}`]),
        ...(calls.length > 6 ? [`${calls.length} calls with an expired token`] : [])
      ]
    }
  },
  {
    id: 'G5',
    fault: 'WhatsApp refuses for good (131026, 131051, 100), and for the window (131047)',
    moment: 'at once and as a status, a person retries',
    async play(world) {
      const chats = await world.load.openChats('setup', 5)
      const wrong: string[] = []
      const cases = [
        { code: 131026, as: 'sync' },
        { code: 131051, as: 'sync' },
        { code: 131026, as: 'status' },
        { code: 131047, as: 'sync' },
        { code: 131047, as: 'status' }
      ]
      for (const [index, each] of cases.entries()) {
        const chat = chats[index]!
        await world.doors.post('graph', { failNext: [{ ...each, customer: chat.phone }] })
        const reply = await world.load.reply('refused', chat)
        const failed = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'failed', 10_000)
        if (!failed) wrong.push(`${each.code} as ${each.as} was not shown as failed`)
        if (each.code === 131047) {
          const [row] = await world.query<{ state: string }>('select state from deliveries where message_id = $1', [
            reply.messageId
          ])
          if (row?.state !== 'parked') wrong.push(`131047 as ${each.as}: ${row?.state} instead of parked`)
          await pause(1_100)
          await world.load.say('back', chat.phone)
        } else if (index === 0) {
          await world.doors.act({ act: 'retry', conversationId: reply.conversationId, messageId: reply.messageId })
        }
        if (each.as === 'status') reply.units = []
        const goes = each.code === 131047 || index === 0
        const shown = await eventually(
          async () => (await shownStatus(world, reply.messageId)) === 'read',
          goes ? 10_000 : 0
        )
        if (goes && !shown) wrong.push(`${each.code} as ${each.as} did not go out afterwards`)
      }
      return wrong
    }
  },
  {
    id: 'G6',
    fault: 'media: URL gone, 404, damaged, silent',
    moment: 'pictures of several customers',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      const download = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
        on: 'call:graph',
        kind,
        match: 'GET /media/download',
        ...more
      })
      await world.doors.faults([
        download('status', { status: 404, count: 1 }),
        download('garbage', { count: 1 }),
        download('reset', { count: 1 })
      ])
      for (const chat of chats) {
        await world.load.say('media', chat.phone, { type: 'image', media: { sample: 'jpeg' } })
        await world.load.say('media', chat.phone)
      }
      await world.settle(30_000)
      await world.doors.faults([
        { on: 'call:graph', kind: 'status', match: 'GET /media', status: 404, body: { code: 100 } }
      ])
      await world.load.say('gone', chats[0]!.phone, { type: 'image', media: { sample: 'jpeg' } })
      await world.load.say('huge', chats[1]!.phone, {
        type: 'document',
        media: { sample: 'pdf', bytes: 100 * 1024 * 1024 + 1 }
      })
      await world.settle(30_000)
      await world.doors.faults([])
      const { conversations } = await world.doors.view()
      const pictures = conversations
        .flatMap(each => each.messages)
        .filter(message =>
          world.load.said.some(said => said.wamid === message.sourceId && said.tag.startsWith('media'))
        )
        .filter(message => message.attachments.length > 0)
      return pictures.length === chats.length ? [] : [`${pictures.length} of ${chats.length} pictures arrived`]
    }
  }
]
