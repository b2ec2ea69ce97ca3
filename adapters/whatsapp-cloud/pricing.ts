/**
 * What an account paid for its messages (`pricing_analytics`, contract §8), as averages by country and category. Reads
 * only. Messages that were free are left out, and so is everything that names no amount: a missing cost is not nought.
 */
import type { PaidRate, RateSource } from '../../plugin/core/ports/rates.ts'
import { TIMES, type Times } from '../../plugin/core/rules.ts'
import type { HttpClient } from '../http/types.ts'
import { createGraph } from './graph-call.ts'
import { asList, asObject, readId, readNumber, readTime } from './safe-read.ts'
import type { AnswerWire } from './wire.ts'

/** More than all countries, categories and tiers together. */
const MAX_RATES = 5_000

export function createRateSource(deps: { http: HttpClient; times?: Pick<Times, 'graphCallMs'> }): RateSource {
  const graph = createGraph({ http: deps.http, times: deps.times ?? TIMES })
  return {
    async read(access, wabaId, period) {
      const query = { fields: `id,currency,${pricingField(period)}` }
      return readRates(await graph.call(access, { method: 'GET', path: [wabaId], query, harmless: true }))
    }
  }
}

/** WA-PRICES. By day: monthly figures come out empty for some accounts. */
export function pricingField({ from, to }: { from: Date; to: Date }): string {
  const seconds = (at: Date): number => Math.floor(at.getTime() / 1000)
  const dimensions = '["COUNTRY","PRICING_CATEGORY","PRICING_TYPE","TIER"]'
  return `pricing_analytics.start(${seconds(from)}).end(${seconds(to)}).granularity(DAILY).metric_types(["COST","VOLUME"]).dimensions(${dimensions})`
}

interface Sum {
  country: string
  category: string
  tier: string | null
  volume: number
  cost: number
  from: Date
  to: Date
}

/** One average per country, category and tier, over all points. Total: what it cannot read, it leaves out. */
export function readRates(answer: AnswerWire): PaidRate[] {
  // Costs come without a currency: it is the account's.
  const currency = readId(answer.currency)
  if (currency === undefined || !/^[A-Z]{3}$/.test(currency)) return []
  const sums = new Map<string, Sum>()
  for (const group of asList(asObject(answer.pricing_analytics)?.data)) {
    for (const each of asList(asObject(group)?.data_points)) {
      const point = readPoint(each)
      if (point === undefined) continue
      const key = `${point.country} ${point.category} ${point.tier}`
      const known = sums.get(key)
      if (known === undefined) {
        if (sums.size < MAX_RATES) sums.set(key, point)
        continue
      }
      known.volume += point.volume
      known.cost += point.cost
      if (point.from < known.from) known.from = point.from
      if (point.to > known.to) known.to = point.to
    }
  }
  // A cost of nought for charged messages is one that Meta has not worked out yet.
  return [...sums.values()]
    .filter(({ cost }) => cost > 0)
    .map(({ cost, ...sum }) => ({ ...sum, amountPerMessage: cost / sum.volume, currency }))
}

function readPoint(value: unknown): Sum | undefined {
  const point = asObject(value)
  if (readId(point?.pricing_type)?.toUpperCase() !== 'REGULAR') return undefined
  const country = readId(point?.country)?.toUpperCase()
  const category = readId(point?.pricing_category)?.toLowerCase().replaceAll('-', '_')
  const volume = readNumber(point?.volume)
  const cost = readNumber(point?.cost)
  const from = readTime(point?.start)
  const to = readTime(point?.end)
  if (country === undefined || !/^[A-Z]{2}$/.test(country) || category === undefined) return undefined
  if (volume === undefined || volume < 1 || cost === undefined || cost < 0) return undefined
  if (from === undefined || to === undefined || to < from) return undefined
  return { country, category, tier: readId(point?.tier) ?? null, volume: Math.floor(volume), cost, from, to }
}
