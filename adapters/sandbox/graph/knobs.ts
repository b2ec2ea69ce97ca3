/** Reads what `POST /__graph` gives and lays it over the knobs; unknown keys and wrong values are refused by name. */
import { asRecord } from '../wire.ts'
import type { FailNext, Knobs } from './model.ts'

const CHOICES: Partial<Record<keyof Knobs, readonly string[]>> = {
  encoding: ['escaped', 'plain'],
  pairLimit: ['on', 'off'],
  throughput: ['STANDARD', 'HIGH', 'off'],
  windowAs: ['status', 'sync', 'off'],
  usMarketing: ['deliver', 'refuse'],
  holdMarketing: ['off', 'release', 'drop'],
  mediaLimits: ['on', 'off'],
  mediaUrls: ['on', 'off'],
  quality: ['GREEN', 'YELLOW', 'RED', 'UNKNOWN'],
  token: ['valid', 'expired', 'no_permission'],
  nameStatus: ['APPROVED', 'PENDING_REVIEW', 'DECLINED', 'NONE']
}
const NUMBER_STATUSES = [
  'CONNECTED',
  'FLAGGED',
  'RESTRICTED',
  'RATE_LIMITED',
  'BANNED',
  'PENDING',
  'DISCONNECTED'
] as const
const HEALTHS = ['AVAILABLE', 'LIMITED', 'BLOCKED'] as const

/** One of the choices, or null for what follows from the rest. */
function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T | null {
  if (value === null) return null
  const found = choices.find(choice => choice === value)
  if (found === undefined) throw new Error(`${name} must be null or one of ${choices.join(', ')}`)
  return found
}

/** Read by `configure` itself. */
const OTHERS = new Set(['customers', 'templates'])

export function mergeKnobs(knobs: Knobs, given: unknown): Knobs {
  const input = asRecord(given)
  const next = { ...knobs } as Knobs & Record<string, unknown>
  for (const [key, value] of Object.entries(input)) {
    const choices = CHOICES[key as keyof Knobs]
    if (choices) {
      if (!choices.includes(String(value))) throw new Error(`${key} must be one of ${choices.join(', ')}`)
      next[key] = value
    } else if (key === 'statuses') next.statuses = mergeStatuses(knobs.statuses, value)
    else if (key === 'retry') next.retry = mergeNumbers('retry', knobs.retry, value)
    else if (key === 'batchSize') next.batchSize = Math.max(1, Math.min(1000, Number(value) || 1))
    else if (key === 'messagingLimit') next.messagingLimit = String(value)
    else if (key === 'callbackUrl') next.callbackUrl = value === null || value === '' ? null : String(value)
    else if (key === 'validToken') next.validToken = value === null || value === '' ? null : String(value)
    else if (key === 'scopes') next.scopes = Array.isArray(value) ? value.map(String) : String(value).split(',')
    else if (key === 'numberStatus') next.numberStatus = oneOf(key, value, NUMBER_STATUSES)
    else if (key === 'health') next.health = oneOf(key, value, HEALTHS)
    else if (key === 'healthErrors') next.healthErrors = readHealthErrors(value)
    else if (key === 'refusedFields') next.refusedFields = Array.isArray(value) ? value.map(String) : []
    else if (key === 'appActive') next.appActive = value !== false
    else if (key === 'onBizApp') next.onBizApp = value === true
    else if (key === 'otherApps') next.otherApps = readApps(value)
    else if (key === 'failNext') next.failNext = readFailNext(value)
    else if (!OTHERS.has(key)) throw new Error(`there is no setting named ${key}`)
  }
  return next
}

function mergeStatuses(before: Knobs['statuses'], given: unknown): Knobs['statuses'] {
  const { mode, ...numbers } = typeof given === 'string' ? { mode: given } : asRecord(given)
  if (mode !== undefined && !['timed', 'instant', 'manual'].includes(String(mode)))
    throw new Error('statuses.mode must be timed, instant or manual')
  const { mode: oldMode, ...oldNumbers } = before
  return { mode: (mode as Knobs['statuses']['mode']) ?? oldMode, ...mergeNumbers('statuses', oldNumbers, numbers) }
}

function mergeNumbers<T extends Record<string, number>>(name: string, before: T, given: unknown): T {
  const next: Record<string, number> = { ...before }
  for (const [key, value] of Object.entries(asRecord(given))) {
    if (!(key in before)) throw new Error(`there is no setting named ${name}.${key}`)
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw new Error(`${name}.${key} must be a number of at least 0`)
    next[key] = value
  }
  return next as T
}

function readHealthErrors(value: unknown): Knobs['healthErrors'] {
  return (Array.isArray(value) ? value : []).map(one => {
    const { code, description, solution } = asRecord(one)
    if (typeof code !== 'number') throw new Error('healthErrors need a code')
    return {
      code,
      description: String(description ?? ''),
      ...(solution === undefined ? {} : { solution: String(solution) })
    }
  })
}

function readApps(value: unknown): Knobs['otherApps'] {
  return (Array.isArray(value) ? value : []).map(one => {
    const { id, name, override } = asRecord(one)
    if (id === undefined || name === undefined) throw new Error('otherApps need an id and a name')
    return { id: String(id), name: String(name), ...(override === undefined ? {} : { override: String(override) }) }
  })
}

function readFailNext(value: unknown): FailNext[] {
  const list = Array.isArray(value) ? value : value === null ? [] : [value]
  return list.map(one => {
    const fail = asRecord(one)
    if (typeof fail['code'] !== 'number') throw new Error('failNext.code must be a number')
    const as = fail['as'] ?? 'status'
    if (as !== 'status' && as !== 'sync') throw new Error('failNext.as must be status or sync')
    return {
      code: fail['code'],
      as,
      ...(typeof fail['count'] === 'number' ? { count: fail['count'] } : {}),
      ...(typeof fail['details'] === 'string' ? { details: fail['details'] } : {}),
      ...(typeof fail['customer'] === 'string' ? { customer: fail['customer'] } : {})
    }
  })
}
