/** D-rows: the same webhook again and again, statuses and messages out of order, batches with a poisoned item. */
import type { Loose } from './doors.ts'
import { shownStatus } from './rows-desk.ts'
import { eventually, keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
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

/** Meta repeats a webhook for seven days; the dedupe memory, shortened like all times, is twice as long. */
function afterAWeek(trueTimes: boolean): Scenario {
  return {
    id: 'D1',
    fault: 'the same webhook again, up to seven days later',
    moment: trueTimes ? 'true times' : 'the days shortened like all times',
    trueTimes,
    quick: !trueTimes,
    async play(world) {
      const said = await world.load.say('week', world.load.newPhone())
      await world.settle(20_000)
      const body = await webhookOf(world, said.wamid)
      const wrong: string[] = []
      for (let day = 1; day <= 7; day++) {
        await world.doors.post('clock', { jumpMs: Math.round(24 * 3_600_000 * world.timeFactor) })
        const answer = await deliver(world, body)
        if (answer.status !== 200) wrong.push(`answered ${answer.status} on day ${day}`)
        await pause(300)
      }
      await world.settle(20_000)
      const rows = await rowsOf(world, said.wamid)
      const [stored] = await world.query<{ n: number }>('select count(*)::int as n from events where key = $1', [
        `m:${said.wamid}`
      ])
      if (stored!.n !== 1 || rows.length !== 1) wrong.push(`${stored!.n} rows stored, ${rows.length} in the desk`)
      // The window of the fresh world is long over; what comes now is delivered as ever.
      await world.load.say('after', said.phone)
      return wrong
    }
  }
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
      const chats = await world.load.openChats('setup', 4)
      const idle = await talkUntilShared(world, chats)
      const stopTalking = keepTalking(world, chats)
      const said = await world.load.say('same', world.load.newPhone())
      const body = await webhookOf(world, said.wamid)
      const answers: number[] = []
      for (let round = 0; round < 2; round++) {
        const all = await Promise.all(Array.from({ length: 50 }, () => deliver(world, body)))
        answers.push(...all.map(answer => answer.status as number))
        await pause(1_000)
      }
      await stopTalking()
      const refused = answers.filter(status => status !== 200)
      const [stored] = await world.query<{ n: number }>('select count(*)::int as n from events where key = $1', [
        `m:${said.wamid}`
      ])
      return [
        ...idle,
        ...(refused.length > 0 ? [`${refused.length} answers were not 200`] : []),
        ...(stored!.n === 1 ? [] : [`${stored!.n} rows stored`])
      ]
    }
  },
  afterAWeek(false),
  afterAWeek(true),
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
    moment: 'messages of many customers, some known, statuses among them',
    quick: true,
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
      await world.settle(20_000)
      // A body of its own: statuses, known and new messages over several entries and changes, one poisoned in the middle.
      const wrong: string[] = []
      const [reply] = [await world.load.reply('told', chats[0]!)]
      const sentWamid = await wamidOf(world, reply.units[0]!)
      const made = makeBatch(known, phones.slice(3), chats[2]!.phone, sentWamid)
      // The desk finds the one message of this customer invalid, and no other.
      await world.doors.faults([
        {
          on: 'call:desk',
          kind: 'status',
          match: `POST /api/v1/accounts/1/conversations/${chats[2]!.conversationId}/messages`,
          status: 422,
          count: 1,
          body: { error: 'Content is invalid' }
        }
      ])
      const answer = await deliver(world, made.body)
      if (answer.status !== 200) wrong.push(`answered ${answer.status}`)
      await world.settle(20_000)
      const [met] = (await world.doors.get('faults')) as { count: number }[]
      if (met?.count !== 0) wrong.push('the desk never saw the poisoned item')
      await world.doors.faults([])
      const missing = []
      for (const wamid of made.fresh) if ((await rowsOf(world, wamid)).length !== 1) missing.push(wamid)
      if (missing.length > 0) wrong.push(`${missing.length} of ${made.fresh.length} new items did not arrive once`)
      if ((await rowsOf(world, made.known)).length !== 1) wrong.push('the known item is there again')
      const stuck = await world.query<{ key: string; code: string }>('select key, code from events where state = 2')
      if (stuck.length !== 1 || stuck[0]!.key !== `m:${made.poison}`)
        wrong.push(`set aside: ${JSON.stringify(stuck)} instead of the poisoned item alone`)
      // Nonsense in place of a text is no reason to stop: a placeholder stands for it.
      if ((await rowsOf(world, made.nonsense)).length !== 1) wrong.push('the senseless item has no row')
      const shown = await eventually(async () => (await shownStatus(world, reply.messageId)) === 'read', 5_000)
      if (!shown) wrong.push('the statuses of the batch were not applied')
      return wrong
    }
  },
  {
    id: 'D4',
    fault: 'the same wamid on another number',
    moment: 'two numbers of one account',
    numbers: 2,
    async play(world) {
      const said = await world.load.say('first', world.load.newPhone())
      await world.settle(10_000)
      const body = await webhookOf(world, said.wamid)
      const { numbers } = await world.doors.config()
      const other = numbers[1].whatsapp.phoneNumberId as string
      body.entry[0].changes[0].value.metadata.phone_number_id = other
      const answer = await deliver(world, body)
      await world.settle(10_000)
      const kept = await world.query<{ number: string; state: number }>(
        'select n.phone_number_id as number, e.state from events e join numbers n on n.id = e.number_id where e.key = $1',
        [`m:${said.wamid}`]
      )
      const { conversations } = await world.doors.view()
      const inboxes = conversations
        .filter(each => each.messages.some(message => message.sourceId === said.wamid))
        .map(each => each.inboxId)
      // The judge knows one row for each wamid; these two are of two numbers.
      world.load.said.splice(world.load.said.indexOf(said), 1)
      return [
        ...(answer.status === 200 ? [] : [`answered ${answer.status}`]),
        ...(kept.length === 2 && kept.every(row => row.state === 1) ? [] : [`stored: ${JSON.stringify(kept)}`]),
        ...(inboxes.length === 2 && new Set(inboxes).size === 2 ? [] : [`delivered into inboxes ${inboxes.join(' ')}`])
      ]
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

/** Three entries with three changes each, twelve messages and three statuses in them; the shape is a real webhook's. */
function makeBatch(
  real: Loose,
  phones: string[],
  poisoned: string,
  sentWamid: string
): { body: Loose; fresh: string[]; known: string; poison: string; nonsense: string } {
  const change = real.entry[0].changes[0]
  const original = change.value.messages[0]
  // Everybody here is another person: known by the phone alone, as before there were user ids.
  const { from_user_id: _his, ...message } = original
  const { user_id: _hers, ...contact } = change.value.contacts[0]
  const known = message.id as string
  const [poison, nonsense] = [`${known}POISON`, `${known}NONSENSE`]
  const fresh: string[] = []
  const now = Math.floor(Date.now() / 1000)
  let serial = 0
  const messageOf = (phone: string): Loose => {
    const id = `${known}B${++serial}`
    fresh.push(id)
    return { ...message, id, from: phone, timestamp: String(now), text: { body: `[batch-x${serial}] fresh` } }
  }
  const contactOf = (phone: string): Loose => ({
    ...contact,
    wa_id: phone,
    profile: { name: 'zqperson Batch' }
  })
  const statuses = ['sent', 'delivered', 'read'].map(status => ({
    id: sentWamid,
    status,
    timestamp: String(now),
    recipient_id: phones[0]
  }))
  const entry = [0, 1, 2].map(e => ({
    ...real.entry[0],
    changes: [0, 1, 2].map(c => {
      const phone = phones[e * 3 + c]!
      const messages = [messageOf(phone), messageOf(phone)]
      if (e === 1 && c === 1)
        messages.splice(
          1,
          0,
          original,
          { ...message, id: nonsense, from: phone, timestamp: String(now), text: NONSENSE },
          {
            ...message,
            id: poison,
            from: poisoned,
            timestamp: String(now),
            text: { body: '[batch-x] poison' }
          }
        )
      const { contacts: _one, ...value } = change.value
      return {
        ...change,
        value: {
          ...value,
          contacts: [contactOf(phone), contactOf(poisoned), change.value.contacts[0]],
          messages,
          ...(c === 0 ? { statuses: [statuses[e]] } : {})
        }
      }
    })
  }))
  return { body: { ...real, entry }, fresh, known, poison, nonsense }
}

/** A text that is none, whatever way one looks at it. */
const NONSENSE = { body: { not: ['a', 'text'] } }

async function wamidOf(world: World, unit: string): Promise<string> {
  let wamid = ''
  await eventually(async () => {
    const sent = await world.doors.ledger('&side=graph&what=effect&name=sent')
    wamid = String(sent.find(entry => JSON.stringify(entry.body).includes(unit))?.ids['wamid'] ?? '')
    return wamid !== ''
  }, 8_000)
  return wamid
}
