// Which desk message became which WhatsApp message. Nothing on the wire says so (only Puente knows), so it is guessed
// for the eye: same customer, same words, the first before it that is still free. Used for the timeline only.
import type { LedgerEntry } from '../../../parts.ts'
import { deskKey, phoneKey } from './group-ledger.ts'

export interface AnswerInDesk {
  id: number
  at: number
  customer: string
  text: string
  files: number
  isTemplate: boolean
}

export interface AnswerOnPhone {
  wamid: string
  at: number
  customer: string
  text: string
  hasFile: boolean
  isTemplate: boolean
}

type Json = Record<string, unknown>

const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const fileTypes = new Set(['image', 'video', 'audio', 'document', 'sticker'])

/** What WhatsApp accepted, from the ledger: what later fails is on no phone. Templates have no words of their own. */
export function readSent(entries: LedgerEntry[]): AnswerOnPhone[] {
  return entries
    .filter(entry => entry.side === 'graph' && entry.what === 'effect' && entry.name === 'sent')
    .map(entry => {
      const body = asRecord(entry.body)
      const type = String(body['type'] ?? '')
      const inner = asRecord(body[type])
      return {
        wamid: String(entry.ids['wamid']),
        at: entry.at,
        customer: String(entry.ids['customer']),
        text: String(asRecord(inner['body'])['text'] ?? inner['body'] ?? inner['caption'] ?? ''),
        hasFile: fileTypes.has(type),
        isTemplate: type === 'template'
      }
    })
}

/** The bare letters and digits: markup, escapes and spaces differ on both sides. */
const bare = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}\p{Emoji_Presentation}]/gu, '')
    .toLowerCase()

function isLike(desk: AnswerInDesk, phone: AnswerOnPhone): boolean {
  if (phone.isTemplate) return desk.isTemplate
  const one = bare(desk.text)
  const other = bare(phone.text)
  if (one !== '' && other !== '') return one.includes(other) || other.includes(one)
  return phone.hasFile && desk.files > 0
}

const toleratedMs = 2000

export function linkAnswers(desk: AnswerInDesk[], phone: AnswerOnPhone[]): [string, string][] {
  const links: [string, string][] = []
  const uses = new Map<number, number>()
  for (const sent of [...phone].sort((one, other) => one.at - other.at)) {
    const fitting = desk.filter(
      one =>
        one.customer === sent.customer &&
        one.at <= sent.at + toleratedMs &&
        isLike(one, sent) &&
        (uses.get(one.id) ?? 0) < Math.max(1, one.files)
    )
    const found = fitting[0]
    if (!found) continue
    uses.set(found.id, (uses.get(found.id) ?? 0) + 1)
    links.push([deskKey(found.id), phoneKey(sent.wamid)])
  }
  return links
}
