/** Which fault to apply next. Only chooses and counts; each stand-in decides what a kind means at its own door. */
import type { Fault, FaultKind, Faults, Random } from './parts.ts'

const PLACES: ReadonlySet<string> = new Set(['call:graph', 'call:desk', 'hook:graph', 'hook:desk'])
const KINDS: ReadonlySet<string> = new Set<FaultKind>([
  'duplicate',
  'reorder',
  'delay',
  'drop',
  'status',
  'reset',
  'timeout_after_accept',
  'commit_after_timeout',
  'garbage',
  'slow_body',
  'cut_body'
])

export function createFaults(random: Random): Faults {
  let faults: Fault[] = []
  let serial = 0
  return {
    set(next) {
      faults = next.map(fault => ({ ...fault, id: fault.id ?? `fault-${++serial}` }))
    },
    list: () => faults.map(fault => ({ ...fault })),
    has: on => faults.some(fault => fault.on === on),
    take(on, subject) {
      if (faults.length === 0) return undefined
      for (const fault of faults) {
        if (fault.on !== on) continue
        if (fault.count !== undefined && fault.count <= 0) continue
        if (fault.match !== undefined && !subject.includes(fault.match)) continue
        if (fault.probability !== undefined && random.next() >= fault.probability) continue
        if (fault.count !== undefined) fault.count--
        return { ...fault }
      }
      return undefined
    }
  }
}

/** Checks what came through the door. Throws an Error whose message names the first wrong field. */
export function readFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) throw new Error('faults must be an array')
  return value.map((entry: unknown, i) => {
    if (typeof entry !== 'object' || entry === null) throw new Error(`faults[${i}] must be an object`)
    const fault = entry as Record<string, unknown>
    if (!PLACES.has(String(fault['on']))) throw new Error(`faults[${i}].on must be one of ${[...PLACES].join(', ')}`)
    if (!KINDS.has(String(fault['kind']))) throw new Error(`faults[${i}].kind must be one of ${[...KINDS].join(', ')}`)
    for (const key of ['probability', 'count', 'status', 'delayMs']) {
      const number = fault[key]
      if (number !== undefined && (typeof number !== 'number' || !Number.isFinite(number) || number < 0)) {
        throw new Error(`faults[${i}].${key} must be a number of at least 0`)
      }
    }
    if (fault['match'] !== undefined && typeof fault['match'] !== 'string') {
      throw new Error(`faults[${i}].match must be a string`)
    }
    return fault as unknown as Fault
  })
}
