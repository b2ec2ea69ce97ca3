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

/** Names in the order of their first appearance, by file name. */
export function listBreakpoints(
  folders: string[] = ['plugin', 'adapters'].map(name => join(checkout, name))
): string[] {
  const names = new Set<string>()
  for (const folder of folders) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .sort()
    for (const file of files) {
      const source = readFileSync(join(folder, file), 'utf8')
      for (const found of source.matchAll(/\bbreakpoint(?:\?\.)?\(\s*'([^']+)'/g)) names.add(found[1]!)
    }
  }
  return [...names]
}

/** Calls of `breakpoint` whose name is not written out, which the enumeration would miss. */
export function countUnnamedBreakpoints(folder = join(checkout, 'plugin')): number {
  let unnamed = 0
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const source = readFileSync(join(folder, file), 'utf8')
    unnamed += [...source.matchAll(/\bbridge\.breakpoint\(\s*[^'\s]/g)].length
  }
  return unnamed
}

const ONE_WAY: Record<string, Direction> = { inbound: 'in', outbound: 'out', hook: 'out', tick: 'out', talk: 'out' }

/** What is shared by both directions (webhooks carry statuses too, notes are desk calls of the way out) counts for both. */
export function directionsOf(name: string): Direction[] {
  const only = ONE_WAY[name.split('.')[0]!]
  return only === undefined ? ['in', 'out'] : [only]
}

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
