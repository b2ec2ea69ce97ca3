/**
 * What the inbound flow tests share: fixtures moved to the sandbox's number, to now and to a customer of their own,
 * small bodies made by hand, media that the stand-in really serves, and looks into desk, ledger and database.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Flow, Loose } from '../support/puente.ts'

const folder = join(import.meta.dirname, '../fixtures/whatsapp')

/** Every fixture that is a webhook; the others are requests, answers and descriptions. */
export const webhookFixtures: readonly string[] = readdirSync(folder)
  .filter(file => file.endsWith('.json') && !/^(?:api|send|error|embedded|signature|verification)-/.test(file))
  .map(file => file.replace('.json', ''))

/** The moment of all fixtures, the customer and the group in them. */
const FIXTURE_SECONDS = '1793880000'
const FIXTURE_WA_ID = '15550100301'

export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

export interface Moved {
  text: string
  body: Loose
  waId: string
  userId: string
  /** Moves any id of the fixture as the body's ids were moved. */
  id(original: string): string
}

/** A fixture as Meta would send it now to the sandbox's number, with ids that no other `nth` has. */
export function moveFixture(flow: Flow, name: string, nth: number, atSeconds = nowSeconds()): Moved {
  const { phoneNumberId, displayPhoneNumber } = flow.sandbox.graph.config() as Loose
  const mark = String(nth).padStart(3, '0')
  const waId = `1555020${mark}1`
  const userId = `US.8t3Qk1Zp0Lx7Va2Nd${mark}`
  const id = (text: string): string =>
    text
      .replaceAll(FIXTURE_WA_ID, waId)
      .replace(/\b([A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{17})[A-Za-z0-9]{3}\b/g, `$1${mark}`)
      .replace(/(wamid\.|wacid\.|Y2FwaV9ncm91c)([A-Za-z0-9+/_-]+)/g, `$1$2${mark}`)
  const text = id(readFileSync(join(folder, `${name}.json`), 'utf8'))
    .replaceAll('300000000000001', phoneNumberId)
    // The pictures of ads lie at public hosts; no test may ask those.
    .replaceAll('https://scontent.xx.fbcdn.net', flow.sandbox.graphUrl)
    .replaceAll('15550100200', String(displayPhoneNumber).replace(/\D/g, ''))
    .replaceAll(FIXTURE_SECONDS, String(atSeconds))
  return { text, body: JSON.parse(text), waId, userId, id }
}

export interface Said {
  wamid?: string
  text?: string
  waId?: string | null
  userId?: string
  name?: string
  username?: string
  at?: number
  /** Put over the message: another type, a context, … */
  more?: Loose
}

let made = 0

export function newWamid(): string {
  made += 1
  return `wamid.HBgL${process.pid}M${String(made).padStart(6, '0')}=`
}

/** One `value` of field `messages` with these messages and their contacts. */
export function value(flow: Flow, said: Said[], more: Loose = {}): Loose {
  const { phoneNumberId, displayPhoneNumber } = flow.sandbox.graph.config() as Loose
  const contacts = new Map<string, Loose>()
  const messages = said.map(one => {
    const waId = one.waId === undefined ? '15550107777' : one.waId
    const contact = {
      profile: { name: one.name ?? 'Ana', ...(one.username === undefined ? {} : { username: one.username }) },
      ...(waId === null ? {} : { wa_id: waId }),
      ...(one.userId === undefined ? {} : { user_id: one.userId })
    }
    contacts.set(JSON.stringify(contact), contact)
    return {
      ...(waId === null ? {} : { from: waId }),
      ...(one.userId === undefined ? {} : { from_user_id: one.userId }),
      id: one.wamid ?? newWamid(),
      timestamp: String(one.at ?? nowSeconds()),
      type: 'text',
      text: { body: one.text ?? 'hello' },
      ...one.more
    }
  })
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: displayPhoneNumber, phone_number_id: phoneNumberId },
    contacts: [...contacts.values()],
    messages,
    ...more
  }
}

export function envelope(...values: Loose[]): Loose {
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: '200000000000001', changes: values.map(each => ({ field: 'messages', value: each })) }]
  }
}

/** Messages of one webhook of one change. */
export function webhook(flow: Flow, ...said: Said[]): Loose {
  return envelope(value(flow, said))
}

/** One item of another list (`message_echoes`, `statuses`, …) in a webhook of its own. */
export function other(flow: Flow, field: string, list: string, items: Loose[], more: Loose = {}): Loose {
  const { phoneNumberId, displayPhoneNumber } = flow.sandbox.graph.config() as Loose
  const metadata = { display_phone_number: displayPhoneNumber, phone_number_id: phoneNumberId }
  const held = { messaging_product: 'whatsapp', metadata, [list]: items, ...more }
  return { object: 'whatsapp_business_account', entry: [{ id: '2', changes: [{ field, value: held }] }] }
}

/** Delivers as Meta does: what cannot be stored just now (503, a busy machine) comes again. */
export async function deliver(flow: Flow, body: Loose, more: Loose = {}): Promise<number> {
  for (let repeats = 0; ; repeats++) {
    const { status } = (await flow.sandbox.graph.deliver({ body, ...more })) as Loose
    if (status !== 503 || repeats === 30) {
      await sorted(flow)
      return status
    }
    await sleep(200)
  }
}

/** What was acknowledged is looked into right afterwards; here: it has been. */
export async function sorted(flow: Flow): Promise<void> {
  await flow.until('everything sorted', () => flow.runtime.sorter.isIdle(), 10_000)
}

/** The conversations whose contact fits: by user id, phone, or name. */
export function conversationsOf(flow: Flow, who: { userId?: string; waId?: string; name?: string }): Loose[] {
  return flow
    .conversations()
    .filter(
      each =>
        (who.userId !== undefined && each.contact?.identifier === `wa:${who.userId}`) ||
        (who.waId !== undefined && [`wa:${who.waId}`, `+${who.waId}`].includes(each.contact?.identifier)) ||
        (who.waId !== undefined && each.contact?.phone === `+${who.waId}`) ||
        (who.name !== undefined && each.contact?.name === who.name)
    )
}

/** Our rows; what the desk itself writes about statuses and assignments carries no marker. */
export function rowsIn(conversation: Loose): Loose[] {
  return (conversation?.messages ?? []).filter((row: Loose) => row.contentAttributes?.puente !== undefined)
}

/** All rows of a fixture's customer (or its group), without the question that was put there before. */
export function rowsOf(flow: Flow, moved: Moved, group?: string): Loose[] {
  const isTheirs = (each: Loose): boolean =>
    group !== undefined
      ? each.contact.identifier === `wa:group:${group}`
      : each.contact.phone === `+${moved.waId}` ||
        // The end of the user id is this fixture's own, also when the fixture changes the id.
        new RegExp(`^wa:US\\.[A-Za-z0-9]{17}${moved.userId.slice(-3)}$`).test(each.contact.identifier)
  const found = flow.conversations().filter(isTheirs)
  return found.flatMap(rowsIn).filter((row: Loose) => row.content !== 'Where is my order?')
}

export function allRows(flow: Flow): Loose[] {
  return flow.conversations().flatMap(rowsIn)
}

/** How often a text stands in the desk. */
export function count(flow: Flow, content: string): number {
  return flow.messages().filter(row => row.content === content).length
}

/** Calls to the desk since a mark, except pure reads with GET. */
export function callsSince(flow: Flow, mark: number): string[] {
  return flow
    .ledger({ side: 'desk', what: 'call', after: mark })
    .map(entry => entry.name)
    .filter(name => !name.startsWith('GET'))
}

export function ledgerMark(flow: Flow): number {
  return flow.ledger().at(-1)?.n ?? 0
}

export async function sql(flow: Flow, text: string, values: unknown[] = []): Promise<Loose[]> {
  return (await flow.runtime.database.work.query(text, values)).rows
}

export async function setPolicy(flow: Flow, policy: object): Promise<void> {
  await sql(flow, 'update numbers set policy = $1', [JSON.stringify(policy)])
  await flow.runtime.refresh()
}

/** Puts bytes behind a media id of the stand-in, as if a customer had sent them. */
export async function serveMedia(
  flow: Flow,
  bytes: Buffer,
  mime: string
): Promise<{ id: string; sha256: string; hex: string }> {
  const { phoneNumberId, token } = flow.sandbox.graph.config() as Loose
  const form = new FormData()
  form.set('messaging_product', 'whatsapp')
  form.set('type', mime)
  form.set('file', new Blob([new Uint8Array(bytes)], { type: mime }), 'file')
  const answer = await fetch(`${flow.sandbox.graphUrl}/v25.0/${phoneNumberId}/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form
  })
  const { id } = (await answer.json()) as Loose
  if (typeof id !== 'string') throw new Error(`the stand-in took no media: ${answer.status}`)
  const digest = createHash('sha256').update(bytes).digest()
  return { id, sha256: digest.toString('base64'), hex: digest.toString('hex') }
}
