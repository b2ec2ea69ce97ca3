/** One Puente process as a fault run sees it: started, armed, killed, asked for its figures; its log is kept in memory. */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { programOf } from './programs.ts'
import { TooSlow } from './report.ts'
import type { Breakpoint, ServerSetup } from './server.ts'

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Puente {
  pid: number
  port: number
  process: ChildProcess
  ended: Promise<Ended>
  isUp(): boolean
  /** From now on the n-th hit of the breakpoint ends it. */
  arm(breakpoint: Breakpoint): Promise<void>
  /** Connects the sandbox's number. */
  connectSandbox(deskUrl: string): Promise<void>
  /** Its wall clock jumps by so much; its other clock goes on as ever. */
  jumpClock(ms: number): Promise<void>
  /** The app secrets of its numbers are stored; other processes hear of it as they hear of any change. */
  setAppSecrets(secrets: string[]): Promise<void>
  /** Names that it asked the false name service for. */
  resolved: string[]
  /** Memory that it holds, bytes; 0 where the system does not tell. */
  memory(): number
  kill(signal: NodeJS.Signals): Promise<Ended>
  /** Its metrics by name, summed over their labels. */
  figures(patienceMs?: number): Promise<Map<string, number>>
  /** Sum of all of its metrics whose name holds this word. */
  total(metric: string): Promise<number>
  /** Its metrics as it prints them. */
  metrics(patienceMs?: number): Promise<string>
}

const START_MS = 60_000

export interface ProcessOptions {
  /** A server of another release, ready to run as it is; this checkout's otherwise. */
  release?: string
  /** Its time zone. */
  timeZone?: string
}

export async function startPuente(setup: ServerSetup, log: string[], options: ProcessOptions = {}): Promise<Puente> {
  const { PATH, HOME, TMPDIR } = process.env
  const program = options.release === undefined ? programOf('server') : { file: options.release, execArgv: [] }
  const child = fork(program.file, [JSON.stringify(setup)], {
    execArgv: program.execArgv,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH, HOME, TMPDIR, ...(options.timeZone === undefined ? {} : { TZ: options.timeZone }) }
  })
  const resolved: string[] = []
  child.on('message', message => {
    const name = (message as { resolved?: string }).resolved
    if (name !== undefined) resolved.push(name)
  })
  child.stdout!.on('data', chunk => log.push(String(chunk)))
  child.stderr!.on('data', chunk => log.push(String(chunk)))
  child.on('error', () => {})
  let end: Ended | null = null
  const ended = new Promise<Ended>(resolve =>
    child.once('exit', (code, signal) => {
      end = { code, signal }
      resolve(end)
    })
  )
  const hear = <T>(pick: (message: Record<string, unknown>) => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(() => reject(new TooSlow(`${what}: not within ${START_MS} ms`))), START_MS)
      const onMessage = (message: unknown): void => {
        try {
          const found = pick(message as Record<string, unknown>)
          if (found !== undefined) done(() => resolve(found))
        } catch (error) {
          done(() => reject(error as Error))
        }
      }
      const onExit = (): void => done(() => reject(new Error(`${what}: the process ended; ${log.slice(-5).join('')}`)))
      const done = (then: () => void): void => {
        clearTimeout(timer)
        child.off('message', onMessage).off('exit', onExit)
        then()
      }
      child.on('message', onMessage).on('exit', onExit)
    })

  const readMetrics = async (patienceMs = 5_000): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${setup.port}/metrics`, { signal: AbortSignal.timeout(patienceMs) })
    return answer.text()
  }
  const readFigures = async (patienceMs?: number): Promise<Map<string, number>> => {
    const sums = new Map<string, number>()
    for (const line of (await readMetrics(patienceMs)).split('\n')) {
      const found = /^([a-z_]+)(?:\{[^}]*\})? ([\d.e+]+)$/.exec(line)
      if (found !== null) sums.set(found[1]!, (sums.get(found[1]!) ?? 0) + Number(found[2]))
    }
    return sums
  }

  await hear(message => (message['ready'] === undefined ? undefined : true), 'start').catch(error => {
    if (end === null) child.kill('SIGKILL')
    throw error
  })
  return {
    pid: child.pid!,
    port: setup.port,
    process: child,
    ended,
    isUp: () => end === null,
    async arm(breakpoint) {
      const armed = hear(message => (message['armed'] === breakpoint.name ? true : undefined), 'arming').catch(
        error => {
          // Killed at the very breakpoint before it could say so.
          if (end === null) throw error
        }
      )
      child.send({ arm: breakpoint }, () => {})
      await armed
    },
    async connectSandbox(deskUrl) {
      const connected = hear(message => {
        if (message['sandboxFailed'] !== undefined) throw new Error(`connecting: ${String(message['sandboxFailed'])}`)
        return message['sandboxConnected'] === undefined ? undefined : true
      }, 'connecting')
      child.send({ sandbox: { desk: deskUrl } }, () => {})
      await connected
    },
    async jumpClock(ms) {
      const jumped = hear(message => (message['clockOffsetMs'] === undefined ? undefined : true), 'clock')
      child.send({ jumpClockMs: ms }, () => {})
      await jumped
    },
    async setAppSecrets(appSecrets) {
      const saved = hear(message => {
        if (message['appSecretsFailed'] !== undefined) throw new Error(String(message['appSecretsFailed']))
        return message['appSecretsSaved'] === undefined ? undefined : true
      }, 'app secrets')
      child.send({ appSecrets }, () => {})
      await saved
    },
    resolved,
    memory() {
      try {
        const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
        return Number(line?.[1] ?? 0) * 1024
      } catch {
        return 0
      }
    },
    async kill(signal) {
      if (end === null) process.kill(child.pid!, signal)
      return ended
    },
    async metrics(patienceMs) {
      return readMetrics(patienceMs)
    },
    async figures(patienceMs) {
      return readFigures(patienceMs)
    },
    async total(metric) {
      let sum = 0
      for (const [name, n] of await readFigures()) if (name.includes(metric)) sum += n
      return sum
    }
  }
}
