// Keeps the page current: the stream tells that something changed, the page then reads it anew.
import type { Fault, LedgerEntry } from '../../parts.ts'
import { getDoor } from './doors.ts'
import { addEntry, entries, faults, link, loadDesk, loadPhone, loadRest, offsetMs, puente } from './state.ts'

const gatherMs = 120
const puenteEveryMs = 1500

/** Runs `load` at once, and once more when it was asked for meanwhile; never two at a time. */
function coalesce(load: () => Promise<void>): () => void {
  let running = false
  let again = false
  async function run(): Promise<void> {
    running = true
    await new Promise(resolve => setTimeout(resolve, gatherMs))
    again = false
    try {
      await load()
    } catch {
      // The stream notices a broken link by itself and everything is read again after it.
    }
    running = false
    if (again) run()
  }
  return () => {
    if (running) again = true
    else run()
  }
}

export const refreshPhone = coalesce(loadPhone)
export const refreshDesk = coalesce(loadDesk)
export const refreshRest = coalesce(async () => {
  const [clock, list] = await Promise.all([getDoor<{ offsetMs: number }>('/__clock'), getDoor<Fault[]>('/__faults')])
  offsetMs.value = clock.offsetMs
  faults.value = list
})

export async function loadAll(): Promise<void> {
  await Promise.all([loadPhone(), loadDesk(), loadRest()])
  const lastHook = entries.value.findLast(entry => entry.what === 'hook' && !entry.fault)
  if (lastHook) noteHook(lastHook)
  link.value = 'live'
}

async function tryLoadAll(): Promise<void> {
  try {
    await loadAll()
  } catch {
    link.value = 'broken'
  }
}

function onEntry(entry: LedgerEntry): void {
  addEntry(entry)
  // A counted fault is used up by what it was applied to.
  if (entry.fault) refreshRest()
  if (entry.what === 'hook' && !entry.fault) noteHook(entry)
}

function onChange(what: string[]): void {
  if (what.includes('reset')) {
    tryLoadAll()
    return
  }
  if (what.includes('phone')) refreshPhone()
  if (what.includes('desk')) refreshDesk()
  if (what.includes('faults') || what.includes('clock')) refreshRest()
  // The clock opens and closes windows on both sides.
  if (what.includes('clock')) {
    refreshPhone()
    refreshDesk()
  }
}

let doorTells = false

/** Without a door that knows Puente's process, its answers to hooks show whether it lives. */
function noteHook(entry: LedgerEntry): void {
  if (doorTells) return
  const up = entry.status !== undefined && entry.status > 0
  puente.state = up ? 'up' : 'down'
  puente.detail = up ? `Answered the last hook with ${entry.status}` : 'Did not answer the last hook'
}

async function askPuente(): Promise<void> {
  try {
    const told = await getDoor<{ state: string; detail?: string; canStop: boolean }>('/__puente')
    puente.canStop = told.canStop
    doorTells = told.state === 'up' || told.state === 'down' || told.state === 'starting'
    if (!doorTells) return
    puente.state = told.state as typeof puente.state
    puente.detail = told.detail ?? ''
  } catch {
    doorTells = false
  }
}

/** Opens the stream; the answer stops everything. */
export function startLive(): () => void {
  const stream = new EventSource('/__stream')
  stream.addEventListener('open', () => {
    tryLoadAll()
  })
  stream.addEventListener('error', () => {
    link.value = 'broken'
  })
  stream.addEventListener('ledger', event => onEntry(JSON.parse(event.data) as LedgerEntry))
  stream.addEventListener('change', event => onChange((JSON.parse(event.data) as { what: string[] }).what))
  tryLoadAll()
  askPuente()
  const timer = setInterval(askPuente, puenteEveryMs)
  return () => {
    stream.close()
    clearInterval(timer)
  }
}
