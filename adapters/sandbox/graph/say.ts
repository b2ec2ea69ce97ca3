/** A customer does something: changes chat and window, then posts the webhook (or several in one). */
import type { ChatMessage, Customer, GraphNumber, Json, PhoneMedia } from './model.ts'
import { getSample } from './samples.ts'
import type { SayInput, SayType } from './say-input.ts'
import { buildSaid, type SaidWire } from './say-wire.ts'
import { findCallback, findNumber, type World, wrapChange } from './world.ts'

const DEFAULT_SAMPLE: Partial<Record<SayType, string>> = {
  image: 'jpeg',
  video: 'mp4',
  gif: 'mp4',
  audio: 'mp3',
  voice: 'ogg',
  document: 'pdf',
  sticker: 'webp',
  sticker_animated: 'webp_animated'
}
const FREE_ENTRY_MS = 7 * 24 * 3_600_000
/** What does not open the customer service window. */
const SILENT: ReadonlySet<SayType> = new Set([
  'number_change',
  'user_id_change',
  'identity_change',
  'echo',
  'link_click',
  'request_welcome'
])

export interface SayResult {
  wamid: string
  customer: string
  /** One per webhook posted: the status Puente answered at the first attempt, 0 = no answer. Empty = not subscribed. */
  deliveries: { status: number }[]
}

export class SayError extends Error {}

interface Said {
  wire: SaidWire
  wamid: string
  customer: Customer
  number: GraphNumber
  type: SayType
}

/** Carries out all of them, `perWebhook` changes in one webhook. */
export async function sayAll(world: World, inputs: SayInput[], perWebhook: number): Promise<SayResult[]> {
  const said: Said[] = []
  for (const input of inputs) said.push(await prepare(world, input))
  const results: SayResult[] = said.map(one => ({ wamid: one.wamid, customer: one.customer.id, deliveries: [] }))
  const posts: Promise<void>[] = []
  let group: number[] = []
  const flush = () => {
    const taken = group
    group = []
    if (taken.length > 0)
      posts.push(
        postGroup(
          world,
          taken.map(i => said[i]!)
        ).then(status => {
          if (status !== null) for (const i of taken) results[i]!.deliveries.push({ status })
        })
      )
  }
  said.forEach((one, i) => {
    const first = group[0]
    if (
      first !== undefined &&
      (group.length >= perWebhook || said[first]!.number !== one.number || said[first]!.wire.field !== one.wire.field)
    )
      flush()
    group.push(i)
  })
  flush()
  await Promise.all(posts)
  return results
}

async function postGroup(world: World, said: Said[]): Promise<number | null> {
  const first = said[0]!
  const url = findCallback(world, first.wire.field, first.number)
  if (!url) return null
  return world.webhooks.post({
    name: first.wire.field === 'messages' ? 'message' : first.wire.field,
    url,
    payload: wrapChange(
      world,
      said.map(one => one.wire)
    ),
    ids: {
      wamid: said.length === 1 ? first.wamid : said.map(one => one.wamid).join(' '),
      customer: first.customer.id,
      number: first.number.phoneNumberId,
      type: first.type,
      count: said.length
    }
  })
}

async function prepare(world: World, input: SayInput): Promise<Said> {
  const number = findNumber(world, input.number)
  if (!number) throw new SayError(`no number ${input.number}`)
  const customer = world.customers.findOrMake(input.customer, input.name)
  if (!customer) throw new SayError(`no customer ${input.customer}`)
  const atMs = input.at ?? world.parts.clock.now()
  const made = await makeMedia(world, input, number)

  let previous: { waId: string | null; userId: string } | null = null
  if (input.type === 'number_change') {
    const changed = world.customers.changeNumber(customer, input.phone ?? makeNewPhone(world, customer))
    previous = { waId: changed.previousWaId, userId: changed.previousUserId }
  } else if (input.type === 'user_id_change') {
    previous = { waId: customer.waId, userId: world.customers.changeUserId(customer) }
  }

  const party = customer.waId ?? customer.userId
  const wamid = input.wamid ?? world.ids.wamid(party, 'inbound')
  const wire = buildSaid(input, {
    customer,
    number,
    identity: world.identity,
    wamid,
    wacid: world.ids.wacid(party),
    atMs,
    media: made?.wire ?? null,
    previous
  })
  record(world, input, { wire, wamid, customer, number, type: input.type }, atMs, made?.phone)
  return { wire, wamid, customer, number, type: input.type }
}

function record(world: World, input: SayInput, said: Said, atMs: number, media: PhoneMedia | undefined) {
  const { customer, number, wamid, wire, type } = said
  const chat = world.chats.get(number.phoneNumberId, customer.id)
  if (!SILENT.has(type)) {
    chat.lastInboundAt = Math.max(chat.lastInboundAt, atMs)
    world.pace.noteInbound(number.phoneNumberId, atMs)
    if (input.referral || type === 'referral') chat.freeEntryUntil = atMs + FREE_ENTRY_MS
  }
  world.parts.ledger.add({
    side: 'graph',
    what: 'effect',
    name: 'say',
    ids: {
      wamid,
      customer: customer.id,
      number: number.phoneNumberId,
      type,
      waId: customer.waId,
      userId: customer.userId
    },
    body: wire.message
  })
  if (type === 'reaction') {
    world.chats.react(input.context ?? '', 'customer', input.emoji ?? '')
    return
  }
  const target = input.context === undefined ? undefined : world.chats.message(input.context)?.message
  if (type === 'edit' && target) {
    target.text = input.text ?? target.text
    target.edited = true
  } else if (type === 'revoke' && target) {
    target.deleted = true
    target.text = ''
  }
  if ((type === 'edit' || type === 'revoke') && target) {
    world.chats.react(input.context!, 'customer', target.reactions.find(one => one.from === 'customer')?.emoji ?? '')
    return
  }
  if (type === 'link_click') return
  world.chats.add(chat, describeSaid(input, said, atMs, media))
}

function describeSaid(input: SayInput, said: Said, atMs: number, media: PhoneMedia | undefined): ChatMessage {
  const message = said.wire.message ?? {}
  const wireType = said.wire.field === 'calls' ? 'call' : String(message['type'] ?? said.type)
  return {
    wamid: said.wamid,
    at: atMs,
    from: said.type === 'echo' ? 'business' : 'customer',
    type: wireType,
    text: textOf(wireType, message) ?? input.text ?? '',
    ...(media ? { media } : {}),
    ...(['text', 'image', 'video', 'audio', 'document', 'sticker'].includes(wireType)
      ? {}
      : { content: message[wireType] ?? message }),
    ...(input.context ? { context: input.context } : {}),
    ...(input.forwarded || said.type === 'forwarded' ? { forwarded: true } : {}),
    ...(message['referral'] ? { referral: message['referral'] as Json } : {}),
    ...(message['group_id'] ? { groupId: String(message['group_id']) } : {}),
    reactions: [],
    ...(said.type === 'echo' ? { status: 'sent' as const } : { ticks: 'grey' as const })
  }
}

function textOf(type: string, message: Json): string | undefined {
  const inner = (message[type] ?? {}) as Json
  const reply = (inner['button_reply'] ?? inner['list_reply']) as Json | undefined
  if (type === 'text') return String(inner['body'] ?? '')
  if (type === 'button') return String(inner['text'] ?? '')
  if (reply) return String(reply['title'] ?? '')
  if (type === 'system') return String(inner['body'] ?? '')
  if (type === 'call') return message['event'] === 'terminate' ? 'Call ended' : 'Voice call'
  if (type === 'interactive' && inner['type'] === 'nfm_reply')
    return String(((inner['nfm_reply'] ?? {}) as Json)['body'] ?? '')
  return undefined
}

async function makeMedia(
  world: World,
  input: SayInput,
  number: GraphNumber
): Promise<{ wire: Json; phone: PhoneMedia } | undefined> {
  const wanted = input.media?.sample ?? DEFAULT_SAMPLE[input.type]
  if (!input.media && wanted === undefined) return undefined
  const id = world.ids.media()
  const sample = wanted === undefined ? undefined : getSample(wanted)
  if (!input.media?.bytesBase64 && !sample) throw new SayError(`no sample named ${wanted}`)
  const mime = input.media?.mime ?? sample?.mime ?? 'application/octet-stream'
  const name = input.type === 'document' ? (input.filename ?? 'receipt.pdf') : null
  const given = { id, phoneNumberId: number.phoneNumberId, mime, name }
  const record =
    input.media?.bytesBase64 === undefined && input.media?.bytes !== undefined
      ? await world.media.addSynthetic({ ...given, sample: wanted ?? 'jpeg', totalBytes: input.media.bytes })
      : await world.media.addBytes({
          ...given,
          bytes: input.media?.bytesBase64 !== undefined ? Buffer.from(input.media.bytesBase64, 'base64') : sample!.bytes
        })
  const withUrl = world.knobs.mediaUrls === 'on' && input.media?.noUrl !== true
  return {
    wire: {
      mime_type: mime,
      sha256: Buffer.from(record.sha256Hex, 'hex').toString('base64'),
      id,
      ...(withUrl ? { url: world.media.makeUrl(record, world.baseUrl, 'webhook') } : {})
    },
    phone: {
      url: `/__media/${id}`,
      id,
      mime,
      ...(name ? { name } : {}),
      bytes: record.bytes,
      voice: input.type === 'voice',
      animated: input.type === 'sticker_animated',
      kept: true
    }
  }
}

function makeNewPhone(world: World, customer: Customer): string {
  const digits = customer.phoneDigits ?? '447700900100'
  const tail = String(1000 + Math.floor(world.parts.random.next() * 9000))
  return digits.slice(0, -4) + tail
}
