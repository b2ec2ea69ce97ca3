/** D-rows: the same webhook again and again, statuses and messages out of order, batches with a poisoned item. */
import type { Loose } from './doors.ts'
import { shownStatus } from './rows-desk.ts'
import { eventually, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** The body of the webhook by which a customer's message was told. */
export async function webhookOf(world: World, wamid: string): Promise<Loose> {
  const hooks = await world.doors.ledger('&side=graph&what=hook&name=message')
  const found = hooks.find(entry => String(entry.ids['wamid']).includes(wamid))
  return structuredClone(found?.body) as Loose
}

async function rowsOf(world: World, wamid: string): Promise<{ content: string | null }[]> {
  const { conversations } = await world.doors.view()
  return conversations.flatMap(each => each.messages).filter(message => message.sourceId === wamid)
}

const deliver = (world: World, body: unknown): Promise<Loose> => world.doors.post('deliver', { to: 'whatsapp', body })

export const DUPLICATE_ROWS: Scenario[] = [
  {
    id: 'D1',
    fault: 'the same webhook 100 times at once, through two processes',
    moment: 'before and after it was delivered',
    quick: true,
    processes: 2,
    async play(world) {
      const said = await world.load.say('same', world.load.newPhone())
      const body = await webhookOf(world, said.wamid)
      const answers: number[] = []
      for (let round = 0; round < 2; round++) {
        const all = await Promise.all(Array.from({ length: 50 }, () => deliver(world, body)))
        answers.push(...all.map(answer => answer.status as number))
        await world.settle(10_000)
      }
      const refused = answers.filter(status => status !== 200)
      const [stored] = await world.query<{ n: number }>('select count(*)::int as n from events where key = $1', [
        `m:${said.wamid}`
      ])
      return [
        ...(refused.length > 0 ? [`${refused.length} answers were not 200`] : []),
        ...(stored!.n === 1 ? [] : [`${stored!.n} rows stored`])
      ]
    }
  },
  {
    id: 'D2',
    fault: 'webhooks reordered, delayed, doubled; statuses faster than answers',
    moment: 'both directions',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      await world.doors.post('graph', { statuses: { mode: 'instant' } })
      await world.doors.faults([
        { on: 'hook:graph', kind: 'reorder', probability: 0.3, delayMs: 300 },
        { on: 'hook:graph', kind: 'delay', probability: 0.2, delayMs: 400 },
        { on: 'hook:graph', kind: 'duplicate', probability: 0.2 },
        { on: 'hook:graph', kind: 'status', status: 500, probability: 0.1 },
        { on: 'hook:graph', kind: 'timeout_after_accept', probability: 0.1 }
      ])
      await Promise.all([
        world.load.burstIn('order', { customers: 4, each: 5, known: chats.map(chat => chat.phone) }),
        world.load.burstOut('order', chats, { each: 3 })
      ])
      await world.doors.faults([])
      return []
    }
  },
  {
    id: 'D2',
    fault: 'read before delivered before sent',
    moment: 'statuses told by hand',
    quick: true,
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.doors.post('graph', { statuses: { mode: 'manual' } })
      const reply = await world.load.reply('ranks', chat!)
      const wamid = await wamidOf(world, reply.units[0]!)
      for (const status of ['read', 'delivered', 'sent']) await world.doors.post('status', { wamid, status })
      const shown = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'read', 8_000)
      await pause(500)
      const last = await shownStatus(world, reply.messageId)
      return shown && last === 'read' ? [] : [`the desk shows ${last} instead of read`]
    }
  },
  {
    id: 'D3',
    fault: 'one webhook with many entries, one item of it poisoned',
    moment: 'messages of many customers, some known',
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const known = await webhookOf(world, world.load.said[0]!.wamid)
      await world.doors.post('graph', { batchSize: 12 })
      const phones = [...chats.map(chat => chat.phone), ...Array.from({ length: 9 }, () => world.load.newPhone())]
      const messages = phones.flatMap(phone =>
        [1, 2].map(i => ({ customer: `+${phone}`, type: 'text', text: `[batch-${phone}-${i}]` }))
      )
      const said = await world.doors.post('say', { messages, batch: 12 })
      for (const [index, each] of (said as { wamid: string }[]).entries()) {
        world.load.said.push({ wamid: each.wamid, tag: `batch-${index}`, phone: phones[index >> 1]!, atMs: Date.now() })
      }
      // A body of its own: known, poisoned and new items together.
      const change = known.entry[0].changes[0]
      const message = change.value.messages[0]
      const poison = {
        ...message,
        id: `${message.id}POISON`,
        type: 'text',
        text: { body: { not: ['a', 'text'] } },
        context: 7
      }
      const fresh = { ...message, id: `${message.id}FRESH`, text: { body: 'fresh' } }
      change.value.messages = [message, poison, fresh]
      const answer = await deliver(world, known)
      await world.settle(20_000)
      const wrong = answer.status === 200 ? [] : [`answered ${answer.status}`]
      if ((await rowsOf(world, fresh.id)).length !== 1)
        wrong.push('the item after the poisoned one did not arrive once')
      const [poisoned] = await world.query<{ state: number }>('select state from events where key = $1', [
        `m:${poison.id}`
      ])
      if (poisoned === undefined) wrong.push('the poisoned item was not kept')
      return wrong
    }
  },
  {
    id: 'D4',
    fault: 'the same wamid with another text',
    moment: 'after it was delivered',
    async play(world) {
      const said = await world.load.say('first', world.load.newPhone())
      await world.settle(10_000)
      const body = await webhookOf(world, said.wamid)
      body.entry[0].changes[0].value.messages[0].text.body = 'another text'
      const answer = await deliver(world, body)
      await world.settle(5_000)
      const rows = await rowsOf(world, said.wamid)
      const wrong = answer.status === 200 ? [] : [`answered ${answer.status}`]
      if (rows.length !== 1 || rows[0]!.content?.includes('another')) wrong.push('the first did not win')
      return wrong
    }
  }
]

async function wamidOf(world: World, unit: string): Promise<string> {
  let wamid = ''
  await eventually(async () => {
    const sent = await world.doors.ledger('&side=graph&what=effect&name=sent')
    wamid = String(sent.find(entry => JSON.stringify(entry.body).includes(unit))?.ids['wamid'] ?? '')
    return wamid !== ''
  }, 8_000)
  return wamid
}
