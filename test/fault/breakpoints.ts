/**
 * Every breakpoint that the source names, and in which directions it can be passed. Read from the source, so that a new
 * one cannot be forgotten: a fault run is red for any at which no process ended.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export type Direction = 'in' | 'out'

export interface Moment {
  name: string
  direction: Direction
  /** The row of the fault matrix that it belongs to. */
  row: string
}

const checkout = resolve(fileURLToPath(import.meta.url), '../../..')
const FOLDERS = ['plugin', 'adapters'].map(name => join(checkout, name))

/** A call through whatever holds the function; a quoted name without holes follows, or the run cannot know it. */
const CALL = /\bbreakpoint(?:\?\.)?\(\s*(?:(['"`])((?:(?!\1|\$\{).)+)\1\s*,?\s*\))?/g
/** `breakpoint(name: string): void` in an interface, and the same without a type where it is implemented. */
const DECLARED = /^\s*\w+\s*:\s*string\s*\)/
/** The function handed on, by which a breakpoint may get another name. */
const HANDED_ON =
  /[.\]]breakpoint\b(?!\s*(?:\?\.)?\()(?!\s*\?\?)|\[\s*(['"`])breakpoint\1\s*\]|\{[^{}();]*\bbreakpoint\b[^{}();]*\}\s*=(?!>)/g

interface Found {
  names: string[]
  /** Where a breakpoint has a name that cannot be read here. */
  unreadable: string[]
}

function readFolders(folders: string[]): Found {
  const names = new Set<string>()
  const unreadable: string[] = []
  for (const folder of folders) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .sort()
    for (const file of files) {
      const source = readFileSync(join(folder, file), 'utf8')
      const blame = (index: number): void =>
        void unreadable.push(`${file}:${source.slice(0, index).split('\n').length}`)
      for (const found of source.matchAll(CALL)) {
        if (found[2] !== undefined) names.add(found[2])
        else if (!DECLARED.test(source.slice(found.index + found[0].length))) blame(found.index)
      }
      for (const found of source.matchAll(HANDED_ON)) blame(found.index)
    }
  }
  return { names: [...names], unreadable }
}

/** Names in the order of their first appearance, by file name. */
export const listBreakpoints = (folders: string[] = FOLDERS): string[] => readFolders(folders).names

/** Breakpoints whose name is not written out, which the enumeration would miss: file and line. */
export const listUnreadable = (folders: string[] = FOLDERS): string[] => readFolders(folders).unreadable

const ONE_WAY: Record<string, Direction> = { inbound: 'in', outbound: 'out', hook: 'out', tick: 'out', talk: 'out' }

/** What is shared by both directions (webhooks carry statuses too, notes are desk calls of the way out) counts for both. */
export function directionsOf(name: string): Direction[] {
  const only = ONE_WAY[name.split('.')[0]!]
  return only === undefined ? ['in', 'out'] : [only]
}

/** Passed by a message of an agent before its first attempt is committed: whoever dies there has sent nothing of it (C8). */
const BEFORE_ATTEMPT: ReadonlySet<string> = new Set([
  'hook.verified',
  'hook.committed',
  'lane.claimed',
  'outbound.claimed',
  'outbound.media_spooled',
  'outbound.media_uploaded',
  'outbound.permit',
  'talk.conversation_created',
  'talk.conversation_kept',
  'talk.attempted',
  'talk.row_written',
  'talk.queued'
])

/** Passed only where a process is alone: several sort before they acknowledge, so that nothing waits in the journal. */
const ONLY_ALONE: ReadonlySet<string> = new Set(['webhook.sorting', 'webhook.sorted'])

export const isOnlyAlone = ({ name }: Pick<Moment, 'name'>): boolean => ONLY_ALONE.has(name)

export const isBeforeAttempt = ({ name, direction }: Pick<Moment, 'name' | 'direction'>): boolean =>
  direction === 'out' && BEFORE_ATTEMPT.has(name)

const ROWS: [RegExp, string][] = [
  [/^webhook\.read$/, 'C1'],
  [/^webhook\.verified$/, 'C2'],
  [/^webhook\.committed$/, 'C3'],
  [/^inbound\.(contact|conversation)_/, 'C7'],
  [/media/, 'C9']
]

function rowOf(name: string, direction: Direction): string {
  const found = ROWS.find(([pattern]) => pattern.test(name))
  if (found !== undefined) return found[1]
  if (direction === 'out') return 'C8'
  if (name === 'lane.claimed') return 'C4'
  return /answered|leaving|released/.test(name) ? 'C6' : 'C5'
}

/** Every breakpoint in every direction. */
export function listMoments(names: string[] = listBreakpoints()): Moment[] {
  return names.flatMap(name => directionsOf(name).map(direction => ({ name, direction, row: rowOf(name, direction) })))
}
