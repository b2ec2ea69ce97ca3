/** `puente serve`: a thin Fastify server around the plugin, with the signal handlers that the plugin never installs. */
import { setFlagsFromString } from 'node:v8'
import Fastify, { LogController } from 'fastify'
import { createPooledClient } from '../adapters/http/pooled-client.ts'
import { puente } from './index.ts'
import type { Options } from './options.ts'
import type { Injected, Runtime } from './runtime.ts'
import { readSandboxNumber } from './sandbox-number.ts'

export interface RunningServer {
  url: string
  close(): Promise<void>
}

/** What goes to logs never holds these, wherever they turn up. */
const REDACTED = ['req.headers.authorization', 'req.headers["api-access-token"]', 'token', 'password', '*.token']

/**
 * The old part of the heap may grow by so much before it is collected. V8 lets a small one grow fourfold, which under a
 * long backlog keeps mostly garbage (docs/decisions/0016). Only for a process of our own.
 */
const HEAP_GROWING_PERCENT = 40

export async function startServer(
  options: Options,
  injected?: Injected
): Promise<RunningServer & { app: ReturnType<typeof Fastify> }> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const app = Fastify({
    logger: { level: options.logLevel, redact: REDACTED, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    // Long enough for 3 MiB on a slow line, short enough that nobody holds a place for nothing.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    trustProxy: false,
    forceCloseConnections: 'idle',
    pluginTimeout: 60_000
  })
  await app.register(puente, { ...options, injected: { createHttp: createPooledClient, ...injected } })
  const url = await app.listen({ host: options.host, port: options.port })
  return { app, url, close: () => app.close() }
}

/**
 * The child of `puente start`: serves, tells the parent over IPC how it is, connects the sandbox's number when told.
 * SIGTERM and SIGINT stop accepting, finish what is in flight, and exit 0.
 */
export async function serve(options: Options, injected?: Injected): Promise<{ runtime: Runtime }> {
  const server = await startServer(options, injected)
  const { runtime } = server.app.puente
  const publicUrl = options.publicUrl ?? server.url
  let ending = false
  const end = (): void => {
    if (ending) return
    ending = true
    server.close().then(
      () => process.exit(0),
      () => process.exit(1)
    )
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // The terminal was closed: as good a reason to end in order as any.
  process.on('SIGHUP', end)
  process.on('message', message => {
    const told = message as { sandbox?: { desk: string }; stop?: boolean }
    if (told.stop === true) end()
    if (told.sandbox !== undefined) {
      readSandboxNumber(runtime, told.sandbox.desk, publicUrl).then(
        () => process.send?.({ sandboxConnected: true }),
        error => process.send?.({ sandboxFailed: String((error as Error).message) })
      )
    }
  })
  // A parent that is gone must not leave a server behind.
  process.on('disconnect', end)
  const real = runtime.bridge.registry.numbers().filter((number: { sandbox: boolean }) => !number.sandbox).length
  if (process.send !== undefined)
    process.send({ ready: server.url, numbers: real, embedded: runtime.embedded !== null })
  else process.stdout.write(`ready ${server.url}\n`)
  return { runtime }
}
