/**
 * `pricing_analytics` of the account: what its messages cost, from what was delivered here and from a past that the
 * account pretends to have, so that there is something to read on the first day (contract §8).
 */
import { GraphError } from './errors.ts'
import { countryOf } from './identity.ts'
import type { Json } from './model.ts'
import type { AcceptedMessage } from './statuses.ts'
import type { World } from './world.ts'

/**
 * Euros for one charged message. Plausible figures in the order of Meta's card of 2026-10-01 as third parties print it
 * (utility, authentication and service at one rate), rounded; no price list.
 */
const CARD: Readonly<Record<string, { marketing: number; other: number }>> = {
  ES: { marketing: 0.0509, other: 0.0166 },
  BR: { marketing: 0.0536, other: 0.0058 },
  MX: { marketing: 0.0261, other: 0.0069 },
  AR: { marketing: 0.053, other: 0.0223 },
  CO: { marketing: 0.0107, other: 0.0007 },
  CL: { marketing: 0.0762, other: 0.0171 },
  PE: { marketing: 0.0603, other: 0.0171 },
  GB: { marketing: 0.0453, other: 0.0189 },
  DE: { marketing: 0.1131, other: 0.0456 },
  FR: { marketing: 0.0735, other: 0.0248 },
  US: { marketing: 0.0215, other: 0.0029 }
}

/** Delivered each day before today: the account has never written to other countries than these. */
const PAST: readonly { country: string; category: string; type: string; volume: number }[] = [
  { country: 'ES', category: 'MARKETING', type: 'REGULAR', volume: 40 },
  { country: 'ES', category: 'UTILITY', type: 'REGULAR', volume: 120 },
  { country: 'ES', category: 'AUTHENTICATION', type: 'REGULAR', volume: 15 },
  { country: 'ES', category: 'SERVICE', type: 'FREE_CUSTOMER_SERVICE', volume: 30 },
  { country: 'BR', category: 'MARKETING', type: 'REGULAR', volume: 25 },
  { country: 'BR', category: 'UTILITY', type: 'REGULAR', volume: 60 },
  { country: 'MX', category: 'UTILITY', type: 'REGULAR', volume: 12 },
  { country: 'MX', category: 'MARKETING', type: 'FREE_ENTRY_POINT', volume: 2 }
]

const HALF_HOUR = 1800
const DAY = 86_400
/** Meta looks back a year at most (since 2025-12-01). */
const MOST_DAYS = 366
const TIER = '0:MAX'

/** Dimension → key in the points. */
const DIMENSIONS: Readonly<Record<string, keyof Point>> = {
  PHONE: 'phone_number',
  COUNTRY: 'country',
  PRICING_CATEGORY: 'pricing_category',
  PRICING_TYPE: 'pricing_type',
  TIER: 'tier'
}
/** Filter → key in the points. */
const FILTERS: Readonly<Record<string, keyof Point>> = {
  phone_numbers: 'phone_number',
  country_codes: 'country',
  pricing_categories: 'pricing_category',
  pricing_types: 'pricing_type'
}

interface Point {
  at: number
  phone_number: string
  country: string
  pricing_category: string
  pricing_type: string
  tier: string
  volume: number
}

/** Counts one delivered message. */
export function countUse(world: World, message: AcceptedMessage, pricing: Json, atMs: number) {
  const { waId, userId } = message.customer
  const at = Math.floor(atMs / 1000 / HALF_HOUR) * HALF_HOUR
  const country = waId === null ? userId.slice(0, 2) : countryOf(waId)
  const words = [pricing['category'], pricing['type']].map(word => String(word).toUpperCase())
  const key = [at, message.number.displayDigits, country, ...words].join(' ')
  world.uses.set(key, (world.uses.get(key) ?? 0) + 1)
}

/** `pricing_analytics.start(1).end(2)…` in a list of fields; null when it is not asked for. */
export function findAnalytics(fields: string | null): Map<string, string> | null {
  const asked = /(?:^|,)\s*pricing_analytics((?:\.\w+\([^)]*\))*)/.exec(fields ?? '')
  if (asked === null) return null
  return new Map([...asked[1]!.matchAll(/\.(\w+)\(([^)]*)\)/g)].map(found => [found[1]!, found[2]!]))
}

export function pricingAnalytics(world: World, given: ReadonlyMap<string, string>): Json {
  if (!world.knobs.scopes.includes('whatsapp_business_management')) throw new GraphError(200)
  const start = readSeconds(given, 'start')
  const end = readSeconds(given, 'end')
  if (end <= start) throw new GraphError(100, 'Param end must be after start.')
  const granularity = given.get('granularity') ?? ''
  if (!['HALF_HOUR', 'DAILY', 'MONTHLY'].includes(granularity))
    throw new GraphError(100, 'Param granularity must be one of {HALF_HOUR, DAILY, MONTHLY}.')
  const metrics = readWords(given, 'metric_types')
  if (metrics.some(metric => metric !== 'COST' && metric !== 'VOLUME'))
    throw new GraphError(100, 'Param metric_types must be of {VOLUME, COST}.')
  const dimensions = readWords(given, 'dimensions')
  if (dimensions.some(dimension => DIMENSIONS[dimension] === undefined))
    throw new GraphError(100, `Param dimensions must be of {${Object.keys(DIMENSIONS).join(', ')}}.`)
  const filters = Object.entries(FILTERS).map(([name, key]) => ({ key, wanted: readWords(given, name) }))

  const sums = new Map<string, Json & { volume: number; cost: number }>()
  for (const point of listPoints(world, start, end)) {
    if (filters.some(({ key, wanted }) => wanted.length > 0 && !wanted.includes(String(point[key])))) continue
    const span = spanOf(point.at, granularity)
    const shown = dimensions.map(dimension => DIMENSIONS[dimension]!).map(key => [key, point[key]] as const)
    const key = [span.start, ...shown.map(([, value]) => value)].join(' ')
    const sum = sums.get(key) ?? { ...span, ...Object.fromEntries(shown), volume: 0, cost: 0 }
    sum.volume += point.volume
    sum.cost += point.pricing_type === 'REGULAR' ? point.volume * priceIn(point) : 0
    sums.set(key, sum)
  }
  const all = metrics.length === 0
  const points = [...sums.values()].map(({ volume, cost, ...rest }) => ({
    ...rest,
    ...(all || metrics.includes('VOLUME') ? { volume } : {}),
    ...(all || metrics.includes('COST') ? { cost: Math.round(cost * 1e6) / 1e6 } : {})
  }))
  return { data: [{ data_points: points }] }
}

function priceIn({ country, pricing_category }: Point): number {
  const card = CARD[country] ?? { marketing: 0.0535, other: 0.0068 }
  return pricing_category.includes('MARKETING') ? card.marketing : card.other
}

function listPoints(world: World, start: number, end: number): Point[] {
  const first = world.numbers[0]!.displayDigits
  const points: Point[] = []
  const today = Math.floor(world.parts.clock.now() / 1000 / DAY) * DAY
  const from = Math.max(Math.ceil(start / DAY) * DAY, today - MOST_DAYS * DAY)
  for (let day = from; day < Math.min(end, today); day += DAY) {
    for (const { country, category, type, volume } of PAST) {
      points.push({
        at: day + DAY / 2,
        phone_number: first,
        country,
        pricing_category: category,
        pricing_type: type,
        tier: TIER,
        volume
      })
    }
  }
  for (const [key, volume] of world.uses) {
    const [seconds, phone, country, category, type] = key.split(' ') as [string, string, string, string, string]
    const at = Number(seconds)
    if (at < start || at >= end) continue
    points.push({
      at,
      phone_number: phone,
      country,
      pricing_category: category,
      pricing_type: type,
      tier: TIER,
      volume
    })
  }
  return points
}

function spanOf(at: number, granularity: string): { start: number; end: number } {
  if (granularity === 'MONTHLY') {
    const date = new Date(at * 1000)
    const month = (n: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + n) / 1000
    return { start: month(0), end: month(1) }
  }
  const length = granularity === 'DAILY' ? DAY : HALF_HOUR
  const start = Math.floor(at / length) * length
  return { start, end: start + length }
}

function readSeconds(given: ReadonlyMap<string, string>, name: string): number {
  const seconds = Number(given.get(name) ?? Number.NaN)
  if (!Number.isInteger(seconds)) throw new GraphError(100, `The parameter ${name} is required.`)
  return seconds
}

/** `["A","B"]`, `['A']` or `A,B`. */
function readWords(given: ReadonlyMap<string, string>, name: string): string[] {
  return (given.get(name) ?? '')
    .replace(/[[\]"'\s]/g, '')
    .split(',')
    .filter(word => word !== '')
}
