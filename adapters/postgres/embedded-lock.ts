/**
 * Locks and "who is still here" marks between processes of one machine, as files. They survive a SIGKILL of their
 * owner without standing in the way: an owner that no longer runs is recognised. Leaves out locks across machines.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Names a running process so that a later one with the same id is not taken for it. */
export async function describeProcess(pid: number): Promise<string> {
  return `${pid} ${await readStartTime(pid)}`
}

/** True while the process that `describeProcess` named still runs. */
export async function isRunning(description: string): Promise<boolean> {
  const [pid, started] = description.trim().split(' ')
  if (!pid || !isAlive(Number(pid))) return false
  const now = await readStartTime(Number(pid))
  if (now === 'gone' || started === 'gone') return false
  return started === undefined || now === 'unknown' || started === 'unknown' || started === now
}

/** True while the process runs; false for one that has ended and merely was not buried by its parent. */
export async function isProcessRunning(pid: number): Promise<boolean> {
  return isRunning(await describeProcess(pid))
}

/** Also true for a zombie and for somebody else's process. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of Linux's /proc/PID/stat (in ticks since boot); `unknown` elsewhere, where the pid alone has to do. */
async function readStartTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is the name in brackets, which may itself hold brackets and spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z') return 'gone'
  return fields[19] ?? 'unknown'
}

/**
 * Waits for the lock file and holds it.
 * @returns the release
 * @throws Error when a running process still holds it after `timeoutMs`
 */
export async function acquireFileLock(path: string, timeoutMs: number): Promise<() => Promise<void>> {
  const self = await describeProcess(process.pid)
  const mark = `${self} ${randomBytes(6).toString('hex')}`
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, mark, { mode: 0o600 })
  const deadline = performance.now() + timeoutMs
  try {
    for (;;) {
      try {
        await link(draft, path)
        return async () => {
          if ((await readFile(path, 'utf8').catch(() => '')) === mark) await unlink(path).catch(() => undefined)
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await readFile(path, 'utf8').catch(() => undefined)
      if (holder !== undefined && !(await isRunning(holder))) await removeStale(path, holder)
      else if (performance.now() > deadline) {
        throw new Error(
          `${path} is held by process ${holder?.split(' ')[0] ?? 'unknown'} for more than ${timeoutMs} ms`
        )
      } else await sleep(25)
    }
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

/** Takes a dead owner's lock away; when another was quicker and we caught its fresh lock, gives that back. */
async function removeStale(path: string, holder: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await rename(path, aside)
    if ((await readFile(aside, 'utf8')) !== holder) await link(aside, path).catch(() => undefined)
  } catch {
    // Gone already: the next round sees who has it now.
  } finally {
    await unlink(aside).catch(() => undefined)
  }
}

let marksMade = 0

/** Says that this process uses what lies at `directory`. @returns the removal of the mark */
export async function markUser(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `${process.pid}-${++marksMade}`)
  await writeFile(path, await describeProcess(process.pid), { mode: 0o600 })
  return () => unlink(path).catch(() => undefined)
}

/** How many running users there are; marks of dead ones are removed. */
export async function countUsers(directory: string): Promise<number> {
  let users = 0
  for (const name of await readdir(directory).catch(() => [])) {
    const mark = await readFile(join(directory, name), 'utf8').catch(() => '')
    if (mark && (await isRunning(mark))) users++
    else await unlink(join(directory, name)).catch(() => undefined)
  }
  return users
}
