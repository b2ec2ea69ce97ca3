/**
 * Keeps the sandbox's state in the data directory: one JSON file with the instance id and the snapshots of both
 * stand-ins, replaced atomically. Leaves the ledger and media bytes to their own files.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface SandboxState {
  instance: string
  /** Rises with every start and reset, so that ids made from it never recur. */
  epoch: number
  offsetMs: number
  graph?: unknown
  desk?: unknown
}

export interface StateStore {
  /** What an earlier run left; undefined on the first start, without a directory, or when the file cannot be read. */
  read(): SandboxState | undefined
  write(state: SandboxState): Promise<void>
  writeNow(state: SandboxState): void
  /** A path inside the data directory; undefined without one. */
  path(name: string): string | undefined
}

/** A new instance id: another instance is another number and another desk. */
export function makeInstance(): string {
  return randomBytes(6).toString('hex')
}

export function openState(dataDir: string | undefined): StateStore {
  if (dataDir === undefined) {
    return { read: () => undefined, write: async () => {}, writeNow: () => {}, path: () => undefined }
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'sandbox.json')
  let turn = 0
  return {
    read() {
      try {
        const state = JSON.parse(readFileSync(file, 'utf8')) as SandboxState
        return typeof state.instance === 'string' ? state : undefined
      } catch {
        return undefined
      }
    },
    async write(state) {
      const mine = ++turn
      const temporary = `${file}.${mine}.tmp`
      await writeFile(temporary, JSON.stringify(state), { mode: 0o600 })
      await rename(temporary, file)
    },
    writeNow(state) {
      const temporary = `${file}.now.tmp`
      writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 })
      renameSync(temporary, file)
    },
    path: name => join(dataDir, name)
  }
}
