/**
 * The process that a fault run kills: the product's own `serve` with a breakpoint that ends the process by signal 9 at
 * the n-th hit, once armed over IPC, and with one factor for all times. Told so, its wall clock jumps, names resolve
 * otherwise, and the app secrets of its numbers change, as an admin's `connect` changes them.
 */
import dns from 'node:dns'
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
  deskCeiling?: number
  /** With so many rows on their way, webhooks go by the journal. */
  fewRows?: number
  /** What the name service says of these names; all others as ever. */
  hosts?: Record<string, string[]>
}

export interface Breakpoint {
  name: string
  /** At which hit after arming, from 1. */
  nth: number
}

export interface Told {
  arm?: Breakpoint
  jumpClockMs?: number
  appSecrets?: string[]
}

const { timeFactor, fewRows, hosts = {}, ...options } = JSON.parse(process.argv[2]!) as ServerSetup
let armed: Breakpoint | null = null

// ── The wall clock of this process ───────────────────────────────────────────────────────────────────────────────

let clockOffsetMs = 0
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    // As the real one does, it takes the time of day only when nothing is given.
    super(...((given.length === 0 ? [RealDate.now() + clockOffsetMs] : given) as [number]))
  }
  static override now(): number {
    return RealDate.now() + clockOffsetMs
  }
} as DateConstructor

// ── The name service ─────────────────────────────────────────────────────────────────────────────────────────────

const lookup = dns.lookup as unknown as (...given: unknown[]) => void
Object.assign(dns, {
  lookup(name: string, ...given: unknown[]): void {
    const addresses = hosts[name]
    const answer = given.at(-1) as (error: null, found: unknown, family?: number) => void
    if (addresses === undefined) {
      lookup(name, ...given)
      return
    }
    process.send?.({ resolved: name })
    const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    const all = typeof given[0] === 'object' && (given[0] as { all?: boolean }).all === true
    setImmediate(() => (all ? answer(null, found) : answer(null, found[0]!.address, found[0]!.family)))
  }
})

// ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────

const { runtime } = await serve(readOptions({ ...options, sandbox: 'off', logLevel: 'debug' }), {
  timeFactor,
  fewRows,
  breakpoint(name) {
    if (armed?.name !== name) return
    armed.nth--
    if (armed.nth <= 0) process.kill(process.pid, 'SIGKILL')
  }
})

process.on('message', message => {
  const told = message as Told
  if (told.arm !== undefined) {
    armed = { ...told.arm }
    process.send?.({ armed: armed.name })
  }
  if (told.jumpClockMs !== undefined) {
    clockOffsetMs += told.jumpClockMs
    process.send?.({ clockOffsetMs })
  }
  if (told.appSecrets !== undefined) {
    const { numbers } = runtime.bridge
    const { appSecrets } = told
    Promise.all(runtime.bridge.registry.numbers().map(number => numbers.saveNumber({ ...number, appSecrets })))
      .then(() => process.send?.({ appSecretsSaved: appSecrets.length }))
      .catch(error => process.send?.({ appSecretsFailed: String(error) }))
  }
})
