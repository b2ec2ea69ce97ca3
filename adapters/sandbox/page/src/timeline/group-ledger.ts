// Joins the ledger's lines into one story a message, by the ids they share. Lines that belong to no message are kept
// together as other traffic. Pure: no clock, no DOM.
import type { LedgerEntry } from '../../../parts.ts'

export interface MessageStory {
  /** The first id that was met; stays the same while the story grows. */
  id: string
  /** Every id by which a bubble can ask for this story. */
  keys: Set<string>
  entries: LedgerEntry[]
}

/**
 * When a line began: calls and hooks are written down when they are answered. Moments are whole milliseconds, so a
 * call is put before what it caused, and a hook after what caused it.
 */
export function startOf(entry: LedgerEntry): number {
  const tookMs = entry.tookMs ?? 0
  return entry.at - (entry.what === 'call' ? Math.ceil(tookMs) : Math.floor(tookMs))
}

const byStart = (one: LedgerEntry, other: LedgerEntry): number => startOf(one) - startOf(other) || one.n - other.n

export const phoneKey = (wamid: string): string => wamid
export const deskKey = (messageId: number | string): string => `desk:${messageId}`

/** Ids that name one message. A source id only does when it holds a wamid: a contact has source ids too. */
export function readKeys(entry: LedgerEntry): string[] {
  const { wamid, messageId, callback, sourceId } = entry.ids
  const keys: string[] = []
  if (messageId) keys.push(deskKey(messageId))
  if (callback) keys.push(String(callback))
  // A webhook that carries several messages names them all.
  for (const id of String(wamid ?? '').split(' ')) if (id) keys.push(phoneKey(id))
  const inSource = /wamid\.\S+/.exec(String(sourceId ?? ''))
  if (inSource) keys.push(phoneKey(inSource[0]))
  return keys
}

/** `links` are pairs of keys known to be one message although no line of the ledger names both. */
export function groupLedger(
  entries: LedgerEntry[],
  links: [string, string][] = []
): { stories: MessageStory[]; other: LedgerEntry[] } {
  const byKey = new Map<string, MessageStory>()
  const linked = new Map<string, string[]>()
  for (const [one, other] of links) {
    linked.set(one, [...(linked.get(one) ?? []), other])
    linked.set(other, [...(linked.get(other) ?? []), one])
  }
  const stories = new Set<MessageStory>()
  const other: LedgerEntry[] = []

  for (const entry of entries) {
    const named = readKeys(entry)
    const keys = [...new Set(named.flatMap(key => [key, ...(linked.get(key) ?? [])]))]
    if (keys.length === 0) {
      other.push(entry)
      continue
    }
    const met = [...new Set(keys.map(key => byKey.get(key)).filter(story => story !== undefined))]
    const story = met[0] ?? { id: keys[0] ?? '', keys: new Set<string>(), entries: [] }
    stories.add(story)
    for (const extra of met.slice(1)) {
      story.entries.push(...extra.entries)
      for (const key of extra.keys) {
        story.keys.add(key)
        byKey.set(key, story)
      }
      stories.delete(extra)
    }
    story.entries.push(entry)
    for (const key of keys) {
      story.keys.add(key)
      byKey.set(key, story)
    }
  }
  const alone = attachLoose([...stories], other)
  for (const story of stories) story.entries.sort(byStart)
  return { stories: [...stories], other: alone }
}

const nearMs = 5000

/** Ids of people, conversations and files: they tell whom a line is about, though not which message. */
function readPlaces(entry: LedgerEntry): string[] {
  const { conversationId, contactId, contactSource, mediaId, sha256 } = entry.ids
  const places = { conversation: conversationId, contact: contactId, source: contactSource, media: mediaId, sha256 }
  return Object.entries(places).flatMap(([name, value]) => (value ? [`${name}:${value}`] : []))
}

/**
 * Puts lines without a message id (contact created, file fetched) to the story nearest in time about the same person
 * or file. Returns those that stay alone.
 */
function attachLoose(stories: MessageStory[], other: LedgerEntry[]): LedgerEntry[] {
  const byPlace = new Map<string, { at: number; story: MessageStory }[]>()
  for (const story of stories) {
    for (const entry of story.entries) {
      for (const place of readPlaces(entry)) {
        const known = byPlace.get(place)
        if (known) known.push({ at: entry.at, story })
        else byPlace.set(place, [{ at: entry.at, story }])
      }
    }
  }
  const alone = other.filter(entry => {
    const near = readPlaces(entry)
      .flatMap(place => byPlace.get(place) ?? [])
      .map(one => ({ story: one.story, gap: Math.abs(one.at - entry.at) }))
      .filter(one => one.gap <= nearMs)
      .sort((one, next) => one.gap - next.gap)[0]
    if (!near) return true
    near.story.entries.push(entry)
    return false
  })
  return alone
}
