/**
 * Keeps conversation attributes in step at almost no cost: what changed is noted in memory and written to the desk at
 * most once in ten minutes per conversation, only while nothing else waits for that desk. A note that a crash takes
 * along is mended by the next one. Leaves out what the attributes mean.
 */
import type { Bridge } from '../bridge.ts'
import { callDesk } from '../desk/call.ts'
import { PRIORITY } from '../desk/permits.ts'
import { rulesOfDesk } from '../desk/versions.ts'
import { asPuenteError } from '../errors.ts'
import { GateClosed } from '../lanes/hold.ts'
import type { AttributeKey, AttributeNote, AttributeRow, AttributeState, Attributes, Due } from '../ports/attributes.ts'
import type { ServedNumber } from '../registry.ts'
import { foreignOf, type HeardAttributes, hear, holds, planWrite } from './merge.ts'

export interface AttributeNotes {
  /** Something that the desk should show changed. `born`: the conversation was just made with these. */
  note(numberId: number, conversationId: number, ours: Attributes, born?: Attributes): void
  /** A hook (or a list) told all attributes of a conversation; `at` is its `updated_at`, seconds. */
  heard(numberId: number, conversationId: number, heard: HeardAttributes & { at: number }): void
}

export interface AttributeKeeper extends AttributeNotes {
  /** Stores what was noted and writes what is due; answers how many writes left. */
  run(): Promise<number>
  /** Stores what was noted. */
  flush(): Promise<void>
}

/** More notes than this in one beat, and the oldest hooks are let go: the next hook tells the same again. */
const MOST_HEARD = 20_000
const REMEMBERED = 5_000
const WRITES_PER_BEAT = 20
/** Beats for which notes stay in memory (more while messages are on their way), and how many notes at most. */
const BEATS_KEPT_BACK = { idle: 5, busy: 30 }
const MOST_NOTES = 10_000
const NOTES_PER_QUERY = 500

interface Heard extends AttributeKey {
  list: (HeardAttributes & { at: number })[]
}

export function createAttributeKeeper(bridge: Bridge): AttributeKeeper {
  let notes = new Map<string, AttributeNote>()
  let heards = new Map<string, Heard>()
  let keptBack = 0
  /** What was last heard of a conversation, so that hooks that tell nothing new cost nothing. */
  const remembered = new Map<string, string>()
  /** Desks of a version that should merge, and were seen to replace. */
  const replacing = new Set<number>()

  const remember = (key: string, text: string): void => {
    remembered.delete(key)
    if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value!)
    remembered.set(key, text)
  }

  const flush = async (): Promise<void> => {
    const everyMs = bridge.times.deskAttributesMs
    const noted = [...notes.values()]
    notes = new Map()
    try {
      for (let from = 0; from < noted.length; from += NOTES_PER_QUERY)
        await bridge.attributeStore.note(noted.slice(from, from + NOTES_PER_QUERY), everyMs)
    } catch (error) {
      for (const note of noted) mergeNote(note)
      throw error
    }
    if (heards.size === 0) return
    const taken = heards
    heards = new Map()
    const rows = await bridge.attributeStore.read([...taken.values()])
    const told = rows.flatMap(row => {
      const { list } = taken.get(keyOf(row))!
      const newer = list.filter(each => row.heardAt === null || each.at >= row.heardAt).sort((a, b) => a.at - b.at)
      if (newer.length === 0) return []
      let { state } = row
      let due: Due = null
      for (const each of newer) {
        const judged = hear(row.ours, state, each)
        state = judged.state
        due = judged.due
        if (judged.restores) bridge.count('attributes_restored')
      }
      const { numberId, conversationId } = row
      return [{ numberId, conversationId, state: state!, heardAt: newer.at(-1)!.at, due }]
    })
    await bridge.attributeStore.heard(told, everyMs)
  }

  const mergeNote = (note: AttributeNote): void => {
    const key = keyOf(note)
    const known = notes.get(key)
    notes.set(key, known === undefined ? note : { ...note, ...known, ours: { ...note.ours, ...known.ours } })
  }

  /** Nothing waits for this desk, here or in the database. */
  const isIdle = async (deskId: number): Promise<boolean> => {
    const permits = bridge.permits(deskId)
    if (permits.inFlight() > 0 || permits.waiting(PRIORITY.comfort) > 0) return false
    const lane = await bridge.lanes.nextDueInMs()
    const tick = await bridge.deliveries.nextTickInMs()
    return (lane === null || lane > 0) && (tick === null || tick > 0)
  }

  const writeDue = async (): Promise<number> => {
    let written = 0
    const desks = new Set(bridge.registry.numbers().map(number => number.deskId))
    for (const deskId of desks) {
      if (bridge.gates.state(`desk:${deskId}`) !== undefined || !(await isIdle(deskId))) continue
      const rows = await bridge.attributeStore.claim(deskId, WRITES_PER_BEAT, 60_000 * bridge.timeFactor)
      for (const row of rows) {
        if (bridge.stopping()) return written
        const number = bridge.registry.number(row.numberId)
        if (number === undefined) continue
        // What cannot go now keeps its lease and comes again after it.
        if (!(await isIdle(deskId))) break
        if (await write(number, row)) written++
      }
    }
    return written
  }

  const write = async (number: ServedNumber, row: AttributeRow): Promise<boolean> => {
    const { conversationId } = row
    try {
      const known = row.state ?? { now: await readNow(number, conversationId) }
      const whole = planWrite(row.ours, known)
      if (whole === null) {
        await bridge.attributeStore.wrote(row, known)
        return false
      }
      const merges =
        rulesOfDesk(number.desk.version).mergesAttributes && known.want === undefined && !replacing.has(number.deskId)
      // A desk that merges keeps the keys of others by itself; otherwise the hook that follows is the check.
      const state: AttributeState = merges
        ? { now: known.now }
        : { now: known.now, from: foreignOf(known.now), wrote: whole }
      await bridge.attributeStore.writing(row, state, bridge.times.deskAttributesMs)
      const answer = await set(number, conversationId, merges ? row.ours : whole, merges)
      bridge.count('attributes_written')
      if (merges && answer !== null && !holds(answer, known.now)) {
        replacing.add(number.deskId)
        await set(number, conversationId, whole, false)
      }
      await bridge.attributeStore.wrote(row, { ...state, now: whole })
      return true
    } catch (thrown) {
      if (thrown instanceof GateClosed) return false
      const error = asPuenteError(thrown)
      if (error.code === 'desk_not_found') await bridge.attributeStore.forget(row)
      else bridge.log.debug({ number: number.id, code: error.code }, 'attributes not written, they come again')
      return false
    }
  }

  const set = (
    number: ServedNumber,
    conversationId: number,
    attributes: Attributes,
    merge: boolean
  ): Promise<Attributes | null> =>
    callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      priority: PRIORITY.comfort,
      run: access => bridge.desk.setConversationAttributes(access, conversationId, attributes, { merge })
    })

  /** No hook ever told this conversation's attributes: it is read, once. */
  const readNow = async (number: ServedNumber, conversationId: number): Promise<Attributes> => {
    const conversation = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      priority: PRIORITY.comfort,
      run: access => bridge.desk.readConversation(access, conversationId)
    })
    return conversation.attributes
  }

  return {
    note(numberId, conversationId, ours, born) {
      const key = keyOf({ numberId, conversationId })
      const known = notes.get(key)
      notes.set(key, {
        numberId,
        conversationId,
        ours: { ...known?.ours, ...ours },
        ...(born === undefined ? (known?.born === undefined ? {} : { born: known.born }) : { born })
      })
      if (born !== undefined) remember(key, JSON.stringify(born))
    },
    heard(numberId, conversationId, heard) {
      const key = keyOf({ numberId, conversationId })
      const text = JSON.stringify(heard.current)
      if (heard.changed === null && remembered.get(key) === text) return
      remember(key, text)
      const known = heards.get(key)
      if (known !== undefined) known.list.push(heard)
      else {
        if (heards.size >= MOST_HEARD) heards.delete(heards.keys().next().value!)
        heards.set(key, { numberId, conversationId, list: [heard] })
      }
    },
    flush,
    async run() {
      const desks = new Set(bridge.registry.numbers().map(number => number.deskId))
      const busy = [...desks].some(deskId => bridge.permits(deskId).inFlight() > 0)
      // Of a lively conversation many notes become one row; the desk is told minutes later anyway.
      if (++keptBack >= (busy ? BEATS_KEPT_BACK.busy : BEATS_KEPT_BACK.idle) || notes.size >= MOST_NOTES) {
        keptBack = 0
        await flush()
      }
      return busy ? 0 : writeDue()
    }
  }
}

function keyOf({ numberId, conversationId }: AttributeKey): string {
  return `${numberId}:${conversationId}`
}
