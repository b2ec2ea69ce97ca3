/**
 * `puente start`: a small parent of Puente and, where no number is connected, of the sandbox. Starts either again when it
 * dies; prints one line on stdout when traffic can be taken.
 */
import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Options } from './options.ts'
import { describeStart } from './start-screen.ts'

type ToParent =
  | { ready: string; numbers: number; embedded: boolean }
  | { sandboxConnected: true }
  | { sandboxFailed: string }
  | { stop: 'puente' }
  | { reset: string }

const here = fileURLToPath(import.meta.url)
const self = (file: string): string => path.join(path.dirname(here), `${file}${path.extname(here)}`)
/** What dies at once again and again is not started for ever. */
const QUICK_DEATHS = 5
const QUICK_MS = 3_000
const AGAIN_MS = 300
const SANDBOX_PORTS = { desk: 1, graph: 2 }

export async function startParent(options: Options, pageDir: string): Promise<number> {
  const mayHaveSandbox = options.sandbox === 'on' || (options.sandbox === 'auto' && options.databaseUrl === undefined)
  let child: ChildProcess | null = null
  let sandbox: { process: ChildProcess; deskUrl: string; graphUrl: string } | null = null
  let ending = false
  let announced = false
  let quickDeaths = 0
  let quickEnds = 0
  /** The sandbox has another number than Puente knows. */
  let isAnew = false
  let url = ''

  return new Promise<number>(resolve => {
    const finish = (code: number): void => {
      ending = true
      const waiting = [child, sandbox?.process].filter(each => each != null && each.exitCode === null)
      let left = waiting.length
      if (left === 0) resolve(code)
      for (const each of waiting) {
        each!.once('exit', () => {
          left--
          if (left === 0) resolve(code)
        })
        each!.kill('SIGTERM')
      }
    }

    const tellSandbox = (state: string): void => {
      if (sandbox?.process.connected === true) sandbox.process.send({ puente: { state } })
    }

    // A terminal shows the start screen, not lines for machines; trouble is shown all the same.
    const quiet = process.stderr.isTTY && options.logLevel === 'info' ? ['--log-level', 'warn'] : []
    const launch = (): void => {
      const startedMs = performance.now()
      const started = fork(self('cli'), ['serve', ...quiet], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...process.env },
        execArgv: process.execArgv
      })
      child = started
      started.on('message', message => void hear(message as ToParent))
      started.once('exit', code => {
        if (ending) return
        tellSandbox('down')
        if (!announced && code !== null) return finish(code === 0 ? 1 : code)
        quickDeaths = performance.now() - startedMs < QUICK_MS ? quickDeaths + 1 : 0
        if (quickDeaths >= QUICK_DEATHS) {
          process.stderr.write('Puente ended five times right after its start; see the log above.\n')
          return finish(1)
        }
        setTimeout(launch, AGAIN_MS)
      })
    }

    const hear = async (message: ToParent): Promise<void> => {
      if ('ready' in message) {
        url = message.ready
        const wanted = options.sandbox === 'on' || (mayHaveSandbox && message.numbers === 0)
        if (wanted && sandbox === null) await openSandbox()
        if (sandbox !== null && (wanted || isAnew)) return connectSandbox()
        announce(message.embedded)
        tellSandbox('up')
      } else if ('sandboxConnected' in message) {
        isAnew = false
        announce(options.databaseUrl === undefined)
        tellSandbox('up')
      } else if ('sandboxFailed' in message) {
        process.stderr.write(`The sandbox's number could not be connected: ${message.sandboxFailed}\n`)
        announce(options.databaseUrl === undefined)
        tellSandbox('up')
      }
    }

    const openSandbox = async (): Promise<void> => {
      const startedMs = performance.now()
      const opened = await startSandbox(options, pageDir, heardSandbox)
      sandbox = opened
      opened.process.once('exit', () => {
        if (ending) return
        quickEnds = performance.now() - startedMs < QUICK_MS ? quickEnds + 1 : 0
        if (quickEnds < QUICK_DEATHS) setTimeout(reopenSandbox, AGAIN_MS)
        else process.stderr.write('The sandbox ended five times right after its start; see the log above.\n')
      })
      // Stopped while it was starting.
      if (ending) opened.process.kill('SIGTERM')
    }

    /** It comes back as it was, since its state lies in the data directory; perhaps at another port. */
    const reopenSandbox = (): void => {
      if (ending) return
      openSandbox().then(connectSandbox, error => process.stderr.write(`${(error as Error).message}\n`))
    }

    const heardSandbox = (message: ToParent): void => {
      // A person stops Puente from the page: as hard as a power cut, to be watched coming back.
      if ('stop' in message) child?.kill('SIGKILL')
      if ('reset' in message) {
        isAnew = true
        connectSandbox()
      }
    }

    /** A Puente that is down is told when it is back. */
    const connectSandbox = (): void => {
      tellSandbox('starting')
      if (child?.connected === true && sandbox !== null) child.send({ sandbox: { desk: sandbox.deskUrl } })
    }

    const announce = (embedded: boolean): void => {
      if (announced) return
      announced = true
      process.stdout.write(`ready ${url}\n`)
      if (process.stderr.isTTY) {
        process.stderr.write(describeStart({ url, embedded, options, sandboxUrl: sandbox?.deskUrl ?? null }))
      }
    }

    process.on('SIGTERM', () => finish(0))
    process.on('SIGINT', () => finish(0))
    process.on('SIGHUP', () => finish(0))
    launch()
  })
}

async function startSandbox(
  options: Options,
  pageDir: string,
  hear: (message: ToParent) => void
): Promise<{ process: ChildProcess; deskUrl: string; graphUrl: string }> {
  const tries = options.port === 0 ? [0] : [options.port, 0]
  for (const base of tries) {
    const started = fork(
      self('cli'),
      [
        'sandbox',
        '--desk-port',
        String(base === 0 ? 0 : base + SANDBOX_PORTS.desk),
        '--graph-port',
        String(base === 0 ? 0 : base + SANDBOX_PORTS.graph),
        '--data-dir',
        path.resolve(options.dataDir, 'sandbox'),
        '--page-dir',
        pageDir
      ],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: process.execArgv }
    )
    const line = await firstLine(started)
    const match = line === null ? null : /^sandbox (\S+) graph (\S+)/.exec(line)
    if (match === null) continue
    started.on('message', message => hear(message as ToParent))
    return { process: started, deskUrl: match[1]!, graphUrl: match[2]! }
  }
  throw new Error('the sandbox does not start')
}

function firstLine(child: ChildProcess): Promise<string | null> {
  return new Promise(resolve => {
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve(text.split('\n')[0]!)
    })
    child.once('exit', () => resolve(null))
  })
}
