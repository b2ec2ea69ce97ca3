/**
 * Traffic in both directions under a seed: customers (known, new, with media and quotes) and agents (texts, quotes,
 * files, deletions, retries). Remembers what it caused, so that the judge can compare; every text carries a planted word.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../../adapters/sandbox/random.ts'
import type { Doors, ViewConversation } from './doors.ts'
import { TooSlow } from './report.ts'

/** Must turn up in no log and no table. */
export const PLANTED = 'zqplanted'
/** Where names, answers and files are told apart from texts. */
export const PLANTED_WORDS = ['zqperson', 'zqanswer', 'zqfile'] as const

export interface Said {
  wamid: string
  tag: string
  phone: string
  /** Milliseconds of the harness. */
  atMs: number
}

export interface Reply {
  messageId: number
  conversationId: number
  tag: string
  /** What must arrive at WhatsApp once each: `[tag]` of a text, the names of files. */
  units: string[]
  /** Deleted in the desk: may never have left. */
  mayVanish: boolean
  /** Set where Puente wrote the row itself: no other row may carry it. */
  sourceId?: string
  /** Phone of somebody to whom this began the conversation. */
  opened?: string
}

export interface Chat {
  phone: string
  conversationId: number
  firstMessageId: number
}

export interface Load {
  said: Said[]
  replies: Reply[]
  /** Every phone number that ever wrote. */
  phones: string[]
  random(): number
  newPhone(): string
  say(tag: string, phone: string, input?: object): Promise<Said>
  reply(tag: string, chat: Chat, input?: { quotes?: number; files?: number; from?: object }): Promise<Reply>
  /** Customers that wrote once, and their conversations. Needs a working Puente. */
  openChats(tag: string, count: number, patienceMs?: number): Promise<Chat[]>
  /** One burst of customers: some write several times, one sends a picture. */
  burstIn(tag: string, options?: { customers?: number; each?: number; known?: string[] }): Promise<void>
  /** One burst of agents over the chats: texts, a quote, a file, a deletion of what was sent. */
  burstOut(tag: string, chats: Chat[], options?: { each?: number; deletes?: boolean }): Promise<void>
}

export function createLoad(doors: Doors, seed: number): Load {
  const random = createRandom(seed)
  let serial = 0
  let people = 0
  const base = 10_000 + Math.floor(random.next() * 80_000)

  const load: Load = {
    said: [],
    replies: [],
    phones: [],
    random: () => random.next(),
    newPhone() {
      const phone = `49151${base}${String(++people).padStart(4, '0')}`
      load.phones.push(phone)
      return phone
    },
    async say(tag, phone, input = {}) {
      const mine = `${tag}-i${++serial}`
      const { wamid } = await doors.say({
        customer: `+${phone}`,
        name: 'zqperson Smith',
        type: 'text',
        text: `[${mine}] ${PLANTED} hello`,
        ...input
      })
      const said = { wamid, tag: mine, phone, atMs: Date.now() }
      load.said.push(said)
      return said
    },
    async reply(tag, chat, input = {}) {
      const mine = `${tag}-o${++serial}`
      const files = Array.from({ length: input.files ?? 0 }, (_, i) => `${mine}.${i}.zqfile.pdf`)
      const { messageId } = await doors.reply({
        conversationId: chat.conversationId,
        content: `[${mine}] ${PLANTED} zqanswer`,
        ...(input.quotes === undefined ? {} : { inReplyTo: input.quotes }),
        ...(files.length === 0 ? {} : { attachments: files.map(name => pdf(name)) }),
        ...input.from
      })
      const reply: Reply = {
        messageId,
        conversationId: chat.conversationId,
        tag: mine,
        units: files.length > 0 ? files : [`[${mine}]`],
        mayVanish: false
      }
      load.replies.push(reply)
      return reply
    },
    async openChats(tag, count, patienceMs = 30_000) {
      const opened = await Promise.all(Array.from({ length: count }, () => load.say(tag, load.newPhone())))
      const until = performance.now() + patienceMs
      for (;;) {
        const chats = findChats((await doors.view()).conversations, opened)
        if (chats.length === count) return chats
        if (performance.now() > until) throw new TooSlow(`only ${chats.length} of ${count} conversations were opened`)
        await sleep(150)
      }
    },
    async burstIn(tag, options = {}) {
      const each = options.each ?? 3
      const phones = [
        ...(options.known ?? []),
        ...Array.from({ length: options.customers ?? 3 }, () => load.newPhone())
      ]
      await Promise.all(
        phones.map(async (phone, index) => {
          for (let i = 0; i < each; i++) {
            const picture = index === 0 && i === each - 1
            await load.say(tag, phone, picture ? { type: 'image', media: { sample: 'jpeg' } } : {})
          }
        })
      )
    },
    async burstOut(tag, chats, options = {}) {
      const each = options.each ?? 3
      const written: Reply[] = []
      for (let i = 0; i < each; i++) {
        for (const [index, chat] of chats.entries()) {
          const file = i === each - 1 && index === 0
          const quotes = i === 1 ? chat.firstMessageId : undefined
          written.push(await load.reply(tag, chat, { quotes, files: file ? 1 + (serial % 2) : 0 }))
        }
      }
      if (options.deletes === false) return
      const victim = written[0]!
      await waitUntilSent(victim)
      victim.mayVanish = true
      await doors.act({ act: 'delete', conversationId: victim.conversationId, messageId: victim.messageId })
    }
  }

  /** The deletion of what has left costs the desk a note; give it a moment to leave. */
  async function waitUntilSent(reply: Reply): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const sent = await doors.ledger('&side=graph&what=effect&name=sent')
      if (sent.some(entry => JSON.stringify(entry.body).includes(reply.units[0]!))) return void (await sleep(150))
      await sleep(100)
    }
  }

  return load
}

function findChats(conversations: ViewConversation[], opened: Said[]): Chat[] {
  const chats: Chat[] = []
  for (const said of opened) {
    for (const conversation of conversations) {
      const first = conversation.messages.find(message => message.sourceId === said.wamid)
      if (first !== undefined)
        chats.push({ phone: said.phone, conversationId: conversation.id, firstMessageId: first.id })
    }
  }
  return chats
}

function pdf(name: string): object {
  const text = `%PDF-1.4\n% ${name}\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n`
  return { name, type: 'application/pdf', base64: Buffer.from(text).toString('base64') }
}
