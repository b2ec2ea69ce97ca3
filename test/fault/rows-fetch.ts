/**
 * X7: addresses of files that point inside the house: directly, by a redirect, by a name that resolves to a private
 * address or to a public and a private one, on the way from WhatsApp and from the desk. A trap counts every connection.
 */
import { readFileSync } from 'node:fs'
import { createServer as createWebServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Loose } from './doors.ts'
import { eventually, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Nobody has this address (given back by the 6bone long ago); it only has to look public. */
const SEEMS_PUBLIC = '3ffe::1'
const HOSTS = {
  'rebind.fbsbx.com': ['127.0.0.1'],
  'mixed.fbsbx.com': [SEEMS_PUBLIC, '127.0.0.1'],
  'rebind.example': ['127.0.0.1'],
  'mixed.example': [SEEMS_PUBLIC, '127.0.0.1'],
  'rebind6.example': ['::ffff:10.0.0.1']
}

interface House {
  /** Connections to what must never be reached. */
  visits(): number
  trap: number
  /** A storage that the operator allows, and that redirects to wherever its query says. */
  storage: string
  close(): Promise<void>
}

async function openHouse(): Promise<House> {
  let visits = 0
  const trap = createServer(socket => {
    visits++
    socket.on('error', () => {})
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-type: image/jpeg\r\n\r\nsecret')
  })
  const storage = createWebServer((request, answer) => {
    const to = new URL(request.url ?? '/', 'http://storage').searchParams.get('to') ?? ''
    answer.writeHead(302, { location: to }).end()
  })
  const port = await listen(trap)
  const storagePort = await listen(storage)
  return {
    visits: () => visits,
    trap: port,
    storage: `http://127.0.0.1:${storagePort}`,
    async close() {
      storage.closeAllConnections()
      await Promise.all([trap, storage].map(server => new Promise(resolve => server.close(resolve))))
    }
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const redirect = (house: House, to: string): string => `${house.storage}/go?to=${encodeURIComponent(to)}`

export const FETCH_ROWS: Scenario[] = [
  {
    id: 'X7',
    fault: 'a media address that points inside the house: directly, redirected, by its name',
    moment: 'pictures of customers',
    quick: true,
    processes: 0,
    async play(world) {
      const house = await openHouse()
      try {
        await world.start({ mediaOrigins: [house.storage], hosts: HOSTS })
        const { trap } = house
        const addresses = [
          `http://127.0.0.1:${trap}/latest/meta-data`,
          `http://localhost:${trap}/`,
          `http://[::ffff:127.0.0.1]:${trap}/`,
          `http://169.254.169.254/latest/meta-data`,
          `http://lookaside.fbsbx.com@127.0.0.1:${trap}/`,
          'https://rebind.fbsbx.com/',
          'https://mixed.fbsbx.com/',
          `https://rebind.fbsbx.com:${trap}/`,
          redirect(house, `http://127.0.0.1:${trap}/`),
          redirect(house, 'https://rebind.fbsbx.com/'),
          redirect(house, `${house.storage}/go?to=${encodeURIComponent(redirect(house, `http://127.0.0.1:${trap}/`))}`)
        ]
        for (const url of addresses) {
          const body = { url, mime_type: 'image/jpeg', sha256: 'x', file_size: '6', id: '1' }
          await world.doors.faults([{ on: 'call:graph', kind: 'status', match: 'GET /media', status: 200, body }])
          await picture(world)
        }
        // Graph itself sends us elsewhere.
        const location = `http://127.0.0.1:${trap}/`
        await world.doors.faults([
          { on: 'call:graph', kind: 'status', match: 'GET /media/download', status: 302, headers: { location } }
        ])
        await picture(world)
        await world.doors.faults([])
        const { conversations } = await world.doors.view()
        const files = conversations.flatMap(each => each.messages).filter(each => each.attachments.length > 0)
        return [
          ...(house.visits() === 0 ? [] : [`the trap was visited ${house.visits()} times`]),
          ...(files.length === 0 ? [] : [`${files.length} files were delivered`])
        ]
      } finally {
        await house.close()
      }
    }
  },
  {
    id: 'X7',
    fault: 'an attachment of the desk that points inside the house: directly, redirected, by its name',
    moment: 'answers of agents',
    quick: true,
    processes: 0,
    async play(world) {
      const house = await openHouse()
      try {
        await world.start({ mediaOrigins: [house.storage], hosts: HOSTS })
        const [chat] = await world.load.openChats('setup', 1)
        const { conversations } = await world.doors.view()
        const sourceId = conversations.find(each => each.id === chat!.conversationId)!.sourceId!
        const { trap } = house
        const addresses = [
          `http://127.0.0.1:${trap}/`,
          `http://[::1]:${trap}/`,
          'http://169.254.169.254/latest/meta-data',
          `http://rebind.example:${trap}/`,
          `https://rebind.example:${trap}/`,
          redirect(house, `http://127.0.0.1:${trap}/`),
          redirect(house, `https://127.0.0.1:${trap}/`),
          redirect(house, `https://rebind.example:${trap}/`),
          redirect(house, `https://mixed.example:${trap}/`),
          redirect(house, `https://rebind6.example:${trap}/`),
          redirect(house, redirect(house, `https://rebind.example:${trap}/`))
        ]
        const ids: number[] = []
        for (const [index, address] of addresses.entries()) {
          const id = chat!.firstMessageId + 1_000_000 + index
          const body = answerWithFile(id, { ...chat!, sourceId }, address)
          await world.doors.post('deliver', { to: 'chatwoot', event: 'message_created', body })
          ids.push(id)
        }
        const settled = await eventually(async () => (await refused(world, ids)).length === ids.length, 20_000)
        const codes = await refused(world, ids)
        const looked = world.puentes[0]!.resolved
        return [
          ...(house.visits() === 0 ? [] : [`the trap was visited ${house.visits()} times`]),
          ...(settled ? [] : [`only ${codes.length} of ${ids.length} were refused: ${codes.join(' ')}`]),
          ...(looked.length > 0 ? [] : ['the false name service was never asked'])
        ]
      } finally {
        await house.close()
      }
    }
  }
]

async function picture(world: World): Promise<void> {
  await world.load.say('inside', world.load.newPhone(), { type: 'image', media: { sample: 'jpeg', noUrl: true } })
  await world.settle(15_000)
}

const RECORDED = '../fixtures/chatwoot/recorded-4.16.2/hook.message_created.attachments.json'

/** The hook of an agent's answer with a file, as a real desk words it, with any address of the file. */
function answerWithFile(id: number, chat: { conversationId: number; sourceId: string }, address: string): Loose {
  const { body } = JSON.parse(readFileSync(new URL(RECORDED, import.meta.url), 'utf8')) as { body: Loose }
  const file = { ...body.conversation.messages[0].attachments[0], id: id * 10, message_id: id, data_url: address }
  const message = {
    id,
    message_type: 'outgoing',
    content: null,
    source_id: null,
    content_attributes: {},
    private: false
  }
  return {
    ...body,
    ...message,
    created_at: new Date().toISOString(),
    attachments: [file],
    sender: { id: 1, name: 'Agent', email: 'agent@example.com', type: 'user' },
    conversation: {
      ...body.conversation,
      id: chat.conversationId,
      contact_inbox: { ...body.conversation.contact_inbox, source_id: chat.sourceId },
      messages: [{ ...body.conversation.messages[0], ...message, message_type: 1, attachments: [file] }]
    }
  }
}

async function refused(world: World, ids: number[]): Promise<string[]> {
  const rows = await world.query<{ code: string }>(
    `select code from deliveries where message_id = any ($1::bigint[]) and state = 'failed'`,
    [ids]
  )
  return rows.map(row => row.code)
}
