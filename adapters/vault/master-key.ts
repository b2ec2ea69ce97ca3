/**
 * Finds the master key: given as a value, in a file, or made on first start. Leaves out the sealing (`vault.ts`).
 *
 * Form: 32 bytes in base64, base64url or hex. For a rotation several, one a line or separated by commas, each with
 * its id (`2:NEWKEY,1:OLDKEY`): the first seals, the others only open. A key without id has id 1.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { VaultKey } from './vault.ts'

export interface MasterKey {
  /** To be handed to `createVault` as they are. */
  keys: VaultKey[]
  current: number
  source: 'value' | 'file' | 'created'
  path?: string
  /** Things to tell the admin; the key is usable all the same. */
  warnings: 'file_readable_by_others'[]
}

/** The name of the key file in the data directory. */
export const MASTER_KEY_FILE = 'master.key'

/**
 * @param sources `value` wins over `file`; with neither, the file in the directory `createIn` is read, or made with
 *   mode 0600. Two processes that start at once get the same key.
 * @throws PuenteError `config_invalid` when there is no key, the file cannot be read, or it is not of the form above.
 */
export async function loadMasterKey(sources: { value?: string; file?: string; createIn?: string }): Promise<MasterKey> {
  if (sources.value?.trim()) return { ...parseKeys(sources.value, 'PUENTE_MASTER_KEY'), source: 'value', warnings: [] }
  if (sources.file) return readKeyFile(sources.file, 'file')
  if (!sources.createIn) {
    throw invalid('PUENTE_MASTER_KEY', 'no master key is given: set PUENTE_MASTER_KEY or PUENTE_MASTER_KEY_FILE')
  }
  const path = join(sources.createIn, MASTER_KEY_FILE)
  const made = await makeKeyFile(sources.createIn, path)
  return readKeyFile(path, made ? 'created' : 'file')
}

async function makeKeyFile(directory: string, path: string): Promise<boolean> {
  if (await stat(path).catch(() => undefined)) return false
  // Others may pass through to what they own below (the embedded PostgreSQL runs as another user than root), not look.
  await mkdir(directory, { recursive: true, mode: 0o711 })
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(32).toString('base64')}\n`)
      // A key that a power cut takes away would take everything sealed with it.
      await file.sync()
    } finally {
      await file.close()
    }
    // A link fails where a file already is, so that of two processes starting at once both read the same key.
    await link(draft, path)
    const folder = await open(directory, 'r')
    await folder.sync().finally(() => folder.close())
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw invalid('PUENTE_DATA_DIR', 'the master key cannot be written', cause)
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

async function readKeyFile(path: string, source: 'file' | 'created'): Promise<MasterKey> {
  let text: string
  let mode: number
  try {
    mode = (await stat(path)).mode
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid('PUENTE_MASTER_KEY_FILE', 'the master key file cannot be read', cause)
  }
  const isOpenToOthers = process.platform !== 'win32' && (mode & 0o077) !== 0
  const warnings: MasterKey['warnings'] = isOpenToOthers ? ['file_readable_by_others'] : []
  return { ...parseKeys(text, 'PUENTE_MASTER_KEY_FILE'), source, path, warnings }
}

function parseKeys(text: string, setting: string): { keys: VaultKey[]; current: number } {
  const entries = text.split(/[\s,]+/).filter(entry => entry !== '')
  const keys = entries.map(entry => {
    const [, id, encoded] = /^(?:(\d{1,9}):)?(.+)$/.exec(entry) ?? []
    return { id: id === undefined ? 1 : Number(id), key: decodeKey(encoded ?? '', setting) }
  })
  const first = keys[0]
  if (!first) throw invalid(setting, 'the master key is empty')
  if (new Set(keys.map(key => key.id)).size !== keys.length) throw invalid(setting, 'two keys have the same id')
  return { keys, current: first.id }
}

function decodeKey(encoded: string, setting: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(encoded)) return Buffer.from(encoded, 'hex')
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(encoded)) return Buffer.from(encoded, 'base64')
  throw invalid(setting, 'a master key is 32 bytes in base64 or hex, for example from `openssl rand -base64 32`')
}

function invalid(setting: string, reason: string, cause?: unknown): PuenteError {
  return new PuenteError('config_invalid', { facts: { setting, reason }, cause })
}
