/** Small checks for what Puente posts: each refuses as Meta does, with code and details (contract §5, §6). */
import { GraphError } from './errors.ts'
import type { Json } from './model.ts'

export function needRecord(parent: Json, key: string, path = key): Json {
  const value = parent[key]
  if (value === undefined || value === null) throw new GraphError(131008, `The parameter ${path} is required.`)
  if (typeof value !== 'object' || Array.isArray(value)) throw new GraphError(100, `Param ${path} must be an object.`)
  return value as Json
}

export function needList(parent: Json, key: string, path = key): Json[] {
  const value = parent[key]
  if (value === undefined || value === null) throw new GraphError(131008, `The parameter ${path} is required.`)
  if (!Array.isArray(value)) throw new GraphError(100, `Param ${path} must be an array.`)
  for (const entry of value) {
    if (typeof entry !== 'object' || entry === null) throw new GraphError(100, `Param ${path} must hold objects.`)
  }
  return value as Json[]
}

/** A text of 1…`max` characters. `code` is 100 for message bodies and 131009 for parts of interactive messages. */
export function needText(parent: Json, key: string, path: string, max: number, code: 100 | 131009 = 100): string {
  const value = parent[key]
  if (value === undefined || value === null) throw new GraphError(131008, `The parameter ${path} is required.`)
  if (typeof value !== 'string') throw new GraphError(100, `Param ${path} must be a string.`)
  const length = [...value].length
  if (value.trim() === '' || length > max) {
    throw new GraphError(code, `${path} length invalid. Min length: 1, Max length: ${max}`)
  }
  return value
}

export function optionalText(
  parent: Json,
  key: string,
  path: string,
  max: number,
  code: 100 | 131009 = 100
): string | undefined {
  if (parent[key] === undefined || parent[key] === null) return undefined
  return needText(parent, key, path, max, code)
}

export function needOneOf(parent: Json, key: string, path: string, allowed: readonly string[]): string {
  const value = parent[key]
  if (value === undefined || value === null) throw new GraphError(131008, `The parameter ${path} is required.`)
  if (typeof value !== 'string' || !allowed.includes(value)) {
    throw new GraphError(100, `Param ${path} must be one of {${allowed.join(', ')}} - got "${String(value)}".`)
  }
  return value
}

export function needNumberish(parent: Json, key: string, path: string, min: number, max: number): number {
  const value = parent[key]
  if (value === undefined || value === null || value === '')
    throw new GraphError(131008, `The parameter ${path} is required.`)
  const number = Number(value)
  if (!Number.isFinite(number) || number < min || number > max)
    throw new GraphError(100, `Param ${path} is not a valid number.`)
  return number
}

export function needWebAddress(value: unknown, path: string): string {
  if (typeof value !== 'string' || !/^https?:\/\/[^\s]+$/i.test(value) || value.length > 2000) {
    throw new GraphError(131009, `${path} is not a valid URI.`)
  }
  return value
}

export function needCount(count: number, min: number, max: number, path: string) {
  if (count < min || count > max) throw new GraphError(131009, `${path} count invalid. Min: ${min}, Max: ${max}`)
}
