/**
 * The process that a fault run kills: the product's own `serve` with a breakpoint that ends the process by signal 9 at
 * the n-th hit, once armed over IPC, and with one factor for all times. Adds nothing else.
 */
import { readOptions } from '../../plugin/options.ts'
import { serve } from '../../plugin/server.ts'

export interface ServerSetup {
  port: number
  publicUrl: string
  databaseUrl: string
  redisUrl?: string
  dataDir: string
  masterKey: string
  timeFactor: number
  mediaOrigins?: string[]
}

export interface Breakpoint {
  name: string
  /** At which hit after arming, from 1. */
  nth: number
}

const { timeFactor, ...options } = JSON.parse(process.argv[2]!) as ServerSetup
let armed: Breakpoint | null = null

process.on('message', message => {
  const told = message as { arm?: Breakpoint }
  if (told.arm === undefined) return
  armed = { ...told.arm }
  process.send?.({ armed: armed.name })
})

await serve(readOptions({ ...options, sandbox: 'off', logLevel: 'debug' }), {
  timeFactor,
  breakpoint(name) {
    if (armed?.name !== name) return
    armed.nth--
    if (armed.nth <= 0) process.kill(process.pid, 'SIGKILL')
  }
})
