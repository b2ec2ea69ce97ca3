/**
 * Decides where the embedded PostgreSQL keeps its files, so that the user it runs as can reach them. Usually that is
 * inside the data directory; below a closed directory of root it is a place elsewhere, derived from the path.
 * Leaves out what lies there.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { PuenteError } from '../../plugin/core/errors.ts'
import { bareEnvironment, chooseRunAs, type RunAs } from './embedded-binaries.ts'

const run = promisify(execFile)

export interface EmbeddedPlace {
  /** The directory of the server's files (cluster and log), owned by the user that it runs as. */
  home: string
  cluster: string
  logFile: string
  /** Undefined: ourselves. */
  runAs: RunAs | undefined
}

/** Remembers the decision, so that changed permissions can never make an existing database look empty. */
const PLACE_FILE = 'place'

/** @throws PuenteError `config_invalid` when there is no usable place, or the remembered one cannot be reached */
export async function choosePlace(dataDir: string, isDurable: boolean): Promise<EmbeddedPlace> {
  const remembered = (await readFile(join(dataDir, PLACE_FILE), 'utf8').catch(() => '')).trim()
  if (remembered) return reachRemembered(resolve(dataDir, remembered))
  const runAs = await chooseRunAs()
  const path = await realpath(dataDir)
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16)
  const inside = join(path, 'server')
  // /var/tmp may be tidied by the system, so a database that must last prefers /var/lib; one in /tmp need not.
  const mustLast = isDurable && !path.startsWith(`${await realpath(tmpdir())}/`)
  const elsewhere = [
    ...(mustLast ? [`/var/lib/puente/postgres-${name}`] : []),
    `/var/tmp/puente-postgres-${name}`,
    join(tmpdir(), `puente-postgres-${name}`)
  ]
  const problems: string[] = []
  for (const home of runAs ? [inside, ...elsewhere] : [inside]) {
    const problem = await prepare(home, home !== inside, runAs)
    if (problem === undefined) {
      await writeFile(join(dataDir, PLACE_FILE), `${home === inside ? 'server' : home}\n`, { mode: 0o600 })
      return describe(home, runAs)
    }
    problems.push(`${home}: ${problem}`)
  }
  throw unusable('embedded_postgres_has_no_place', problems.join('; '))
}

function describe(home: string, runAs: RunAs | undefined): EmbeddedPlace {
  return { home, cluster: join(home, 'cluster'), logFile: join(home, 'server.log'), runAs }
}

async function reachRemembered(home: string): Promise<EmbeddedPlace> {
  const found = await stat(home).catch(() => undefined)
  if (!found) {
    const runAs = await chooseRunAs()
    const problem = await prepare(home, false, runAs)
    if (problem !== undefined) throw unusable('embedded_postgres_place_lost', `${home}: ${problem}`)
    return describe(home, runAs)
  }
  const self = process.getuid?.()
  if (self !== 0 && found.uid !== self) throw unusable('embedded_postgres_of_another_user', home)
  // What one user made stays that user's, also when Puente is started by root for once.
  const runAs = self === 0 ? (found.uid === 0 ? await chooseRunAs() : { uid: found.uid, gid: found.gid }) : undefined
  const problem = await probe(home, runAs)
  if (problem !== undefined) throw unusable('embedded_postgres_place_unreachable', `${home}: ${problem}`)
  return describe(home, runAs)
}

/** @returns what keeps the place from being used, or undefined when it is ready */
async function prepare(home: string, isElsewhere: boolean, runAs: RunAs | undefined): Promise<string | undefined> {
  try {
    const parent = dirname(home)
    if (isElsewhere && parent.endsWith('/puente')) await mkdir(parent, { recursive: true, mode: 0o755 })
    const found = await lstat(home).catch(() => undefined)
    if (found && !found.isDirectory()) return 'is not a directory'
    if (found && found.uid !== process.getuid?.() && found.uid !== runAs?.uid) return 'belongs to somebody else'
    // The directory that it belonged to was removed, and its password with it: whoever did that wants to begin anew.
    if (found && (await lstat(join(home, 'cluster')).catch(() => undefined)))
      await rename(home, `${home}.old-${Date.now()}`)
    await mkdir(home, { recursive: true, mode: 0o700 })
    if (runAs) await chown(home, runAs.uid, runAs.gid)
    await chmod(home, 0o700)
    return await probe(home, runAs)
  } catch (error) {
    return (error as Error).message
  }
}

/** Tries as the server's user; permissions alone do not tell, with access lists and mounts in between. */
async function probe(home: string, runAs: RunAs | undefined): Promise<string | undefined> {
  try {
    const script = 'cd "$1" && : > .probe && rm .probe'
    await run('/bin/sh', ['-c', script, 'sh', home], { ...runAs, cwd: '/', timeout: 10_000, env: bareEnvironment() })
    return undefined
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return stderr?.trim() || message
  }
}

function unusable(reason: string, detail: string): PuenteError {
  return new PuenteError('config_invalid', { facts: { setting: 'PUENTE_DATA_DIR', reason, detail } })
}
