/** What the flow tests of the outbound direction share: a customer's talk of their own, and what became of an answer. */
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import type { Flow, Loose } from '../support/puente.ts'

export interface Talk {
  /** wa_id, without plus. */
  customer: string
  conversationId: number
  /** Source id of the conversation's contact inbox. */
  contactSource: string
  /** The customer's first message in the desk. */
  question: Loose
  say(text: string): Promise<Loose>
  reply(content: string | null, more?: Loose): number
  /** Messages that WhatsApp took for this customer, in order. */
  sent(): Loose[]
  conversation(): Loose
  row(messageId: number): Loose
  act(act: string, more?: Loose): Loose
}

let next = 10

/** A customer nobody has seen writes; resolves when the desk shows it. */
export async function beginTalk(flow: Flow, text = 'Hola'): Promise<Talk> {
  const customer = `346110002${next++}`
  await flow.say({ customer, text })
  const conversation = await flow.until(
    `the conversation of ${customer}`,
    () => flow.conversations().find(one => one.contact?.phone === `+${customer}` && one.messages.length > 0),
    15_000
  )
  // Its echo is over, so that a fault set now meets what the test does next.
  await flow.until('the echo of the question', () =>
    flow
      .ledger({ side: 'desk', what: 'hook', name: 'message_created' })
      .some(entry => entry.ids['messageId'] === conversation.messages[0].id)
  )
  return talkOf(flow, customer, conversation)
}

export function talkOf(flow: Flow, customer: string, conversation: Loose): Talk {
  const conversationId = conversation.id as number
  return {
    customer,
    conversationId,
    contactSource: conversation.sourceId,
    question: conversation.messages[0],
    say: text => flow.say({ customer, text }),
    reply: (content, more = {}) =>
      flow.reply({ conversationId, ...(content === null ? {} : { content }), ...more }).messageId,
    sent: () => sentTo(flow, customer),
    conversation: () => flow.conversations().find(one => one.id === conversationId),
    row: messageId => flow.messages().find(message => message.id === messageId),
    act: (act, more = {}) => flow.act({ act, conversationId, ...more })
  }
}

export function sentTo(flow: Flow, customer: string): Loose[] {
  return flow
    .ledger({ side: 'graph', what: 'effect', name: 'sent' })
    .filter(entry => entry.ids['waId'] === customer || entry.ids['customer'] === customer)
    .map(entry => ({ ...(entry.body as object), wamid: entry.ids['wamid'], at: entry.at }))
}

/** Bodies of texts, for lists that are compared whole. */
export const textsOf = (sent: Loose[]): string[] => sent.map(message => message.text?.body ?? `(${message.type})`)

export function file(name: string, type: string, bytes: Buffer): Loose {
  return { name, type, bytes }
}

export function sampleFile(kind: string, name: string): Loose {
  const sample = getSample(kind)!
  return { name, type: sample.mime, bytes: sample.bytes }
}

/** Calls of the Graph API since a mark, by name. */
export function graphCalls(flow: Flow, after: number): string[] {
  return flow.ledger({ side: 'graph', what: 'call', after }).map(entry => entry.name)
}

export function lastEntry(flow: Flow): number {
  return flow.ledger().at(-1)?.n ?? 0
}

/** Bytes as WhatsApp received them. */
export async function receivedBytes(flow: Flow, mediaId: string): Promise<Buffer> {
  const media = flow.sandbox.graph.findMedia(mediaId)!
  const chunks: Buffer[] = []
  for await (const chunk of media.body) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** What a person at the desk's API can do beside the dashboard: painting a message, as the desk itself does. */
export async function paint(flow: Flow, talk: Talk, messageId: number, status: string, error?: string): Promise<void> {
  const { account, token } = deskOf(flow)
  const answer = await fetch(
    `${flow.sandbox.deskUrl}/api/v1/accounts/${account}/conversations/${talk.conversationId}/messages/${messageId}`,
    {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', api_access_token: token },
      body: JSON.stringify({ status, ...(error === undefined ? {} : { external_error: error }) })
    }
  )
  if (!answer.ok) throw new Error(`paint: ${answer.status} ${await answer.text()}`)
}

export function deskOf(flow: Flow): { account: number; token: string } {
  const { desk } = flow.sandbox.config() as Loose
  return { account: desk.accountId, token: desk.adminToken }
}

/** One query on the product's own database. */
export async function query(flow: Flow, text: string, values: unknown[] = []): Promise<Loose[]> {
  return (await flow.runtime.database.work.query(text, values)).rows
}
