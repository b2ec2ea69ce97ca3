/**
 * The sandbox as a process of its own, so that its ledgers outlive a killed Puente. Prints one line on stdout when it
 * is ready, ends on SIGTERM and SIGINT; a parent with an IPC channel is told when a person stops Puente.
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts'
import { asRecord } from './wire.ts'

export type SandboxProcessOptions = Pick<
  SandboxOptions,
  'graphPort' | 'deskPort' | 'seed' | 'dataDir' | 'pageDir' | 'numbers'
>

/** Starts it and resolves when both ports answer. Rejects when a port is taken. */
export async function runSandbox(options: SandboxProcessOptions): Promise<Sandbox> {
  const send = process.send?.bind(process)
  let puente: { state: string; detail?: string } = { state: 'unknown' }
  const sandbox = await createSandbox({
    ...options,
    readPuente: () => puente,
    ...(send
      ? {
          onStopPuente: () => {
            send({ stop: 'puente' })
          },
          onReset: (instance: string) => {
            // Until the parent says that the new number is connected.
            puente = { state: 'starting', detail: 'Connects the new number' }
            send({ reset: instance })
          }
        }
      : {})
  })
  process.on('message', message => {
    // The parent may tell how Puente is: {puente: {state: 'up' | 'down' | 'starting', detail}}.
    const told = asRecord(asRecord(message)['puente'])
    if (typeof told['state'] === 'string') puente = { state: told['state'], detail: String(told['detail'] ?? '') }
  })
  let ending = false
  const end = () => {
    if (ending) return
    ending = true
    sandbox.close().then(
      () => process.exit(0),
      () => process.exit(1)
    )
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('SIGHUP', end)
  // A parent that died would otherwise leave the ports taken for ever.
  if (send) process.on('disconnect', end)
  process.stdout.write(`sandbox ${sandbox.deskUrl} graph ${sandbox.graphUrl}\n`)
  return sandbox
}

/** Reads `--graph-port N --desk-port N --seed N --data-dir D --page-dir D --numbers N`. Throws on anything else. */
export function readSandboxArguments(args: string[]): SandboxProcessOptions {
  const { values } = parseArgs({
    args,
    options: {
      'graph-port': { type: 'string', default: '0' },
      'desk-port': { type: 'string', default: '0' },
      seed: { type: 'string' },
      'data-dir': { type: 'string' },
      'page-dir': { type: 'string' },
      numbers: { type: 'string' }
    }
  })
  const readNumber = (name: keyof typeof values, max: number) => {
    const value = values[name]
    if (value === undefined) return undefined
    const number = Number(value)
    if (!Number.isInteger(number) || number < 0 || number > max)
      throw new Error(`--${name} must be a whole number up to ${max}`)
    return number
  }
  const seed = readNumber('seed', Number.MAX_SAFE_INTEGER)
  const numbers = readNumber('numbers', 20)
  return {
    graphPort: readNumber('graph-port', 65_535)!,
    deskPort: readNumber('desk-port', 65_535)!,
    ...(seed !== undefined ? { seed } : {}),
    ...(numbers !== undefined ? { numbers } : {}),
    ...(values['data-dir'] !== undefined ? { dataDir: values['data-dir'] } : {}),
    ...(values['page-dir'] !== undefined ? { pageDir: values['page-dir'] } : {})
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await runSandbox(readSandboxArguments(process.argv.slice(2)))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  }
}
