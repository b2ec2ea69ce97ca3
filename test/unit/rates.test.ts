/** What a message will cost: read from Meta's figures, chosen by country and category, never guessed. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { getCountries, getExampleNumber } from 'libphonenumber-js'
import examples from 'libphonenumber-js/examples.mobile.json'
import t from 'tap'
import { pricingField, readRates } from '../../adapters/whatsapp-cloud/pricing.ts'
import { askWithAnyToken } from '../../plugin/core/any-token.ts'
import { countryOfCustomer, countryOfPhone } from '../../plugin/core/country.ts'
import { type ErrorCode, PuenteError } from '../../plugin/core/errors.ts'
import type { PaidRate } from '../../plugin/core/ports/rates.ts'
import { type PriceAsked, priceOf } from '../../plugin/core/rates.ts'
import type { ServedNumber } from '../../plugin/core/registry.ts'
import { formatDays, nameCountry } from '../../plugin/core/texts/format.ts'

const DAY = 86_400
const START = Date.UTC(2026, 10, 1) / 1000
const at = (day: number): Date => new Date((START + day * DAY) * 1000)

interface Point {
  [key: string]: unknown
}

function point(given: Point = {}): Point {
  return {
    start: START,
    end: START + DAY,
    country: 'BR',
    tier: '0:MAX',
    pricing_type: 'REGULAR',
    pricing_category: 'UTILITY',
    volume: 10,
    cost: 0.068,
    ...given
  }
}
const answer = (points: unknown[], currency: unknown = 'USD'): Record<string, unknown> => ({
  id: '200000000000001',
  currency,
  pricing_analytics: { data: [{ data_points: points }] }
})

t.test('the figures of Meta become averages by country, category and tier', async t => {
  const rates = readRates(
    answer([
      point(),
      point({ start: START + DAY, end: START + 2 * DAY, volume: 30, cost: 0.204 }),
      point({ pricing_category: 'AUTHENTICATION-INTERNATIONAL', country: 'in', volume: '4', cost: '0.112' }),
      point({ tier: '100001:MAX', volume: 100, cost: 0.5 })
    ])
  )
  t.match(rates, [
    { country: 'BR', category: 'utility', tier: '0:MAX', volume: 40, currency: 'USD', from: at(0), to: at(2) },
    { country: 'IN', category: 'authentication_international', volume: 4 },
    { country: 'BR', category: 'utility', tier: '100001:MAX', volume: 100, from: at(0), to: at(1) }
  ])
  t.same(
    rates.map(rate => Number(rate.amountPerMessage.toFixed(9))),
    [0.0068, 0.028, 0.005]
  )
  const fixture = JSON.parse(
    readFileSync(new URL('../fixtures/whatsapp/api-pricing-analytics.json', import.meta.url), 'utf8')
  )
  t.match(readRates({ ...fixture, currency: 'USD' }), [
    { country: 'US', category: 'marketing', tier: '0:MAX', volume: 1, amountPerMessage: 0.025, currency: 'USD' }
  ])
  t.same(readRates(fixture), [], 'an amount without a currency is none')
})

t.test('what says no amount is left out, and a missing one is not nought', async t => {
  const nothing: Record<string, Point> = {
    'no volume': { volume: undefined },
    'zero volume': { volume: 0 },
    'no cost': { cost: undefined },
    'a cost of nought': { cost: 0 },
    'a cost below nought': { cost: -1 },
    'free by the window': { pricing_type: 'FREE_CUSTOMER_SERVICE' },
    'free by the entry point': { pricing_type: 'FREE_ENTRY_POINT' },
    'no kind of price': { pricing_type: undefined },
    'no country': { country: undefined },
    'a country that is none': { country: 'Brazil' },
    'no category': { pricing_category: null },
    'no time': { start: undefined },
    'an end before its start': { end: START - DAY }
  }
  for (const [what, given] of Object.entries(nothing)) {
    t.same(readRates(answer([point(given)])), [], what)
    t.match(
      readRates(answer([point(given), point({ country: 'MX' })])),
      [{ country: 'MX' }],
      `${what}, beside a good one`
    )
  }
  t.match(readRates(answer([point({ tier: undefined })])), [{ tier: null }])
  for (const currency of [null, '', 'euro', 7]) t.same(readRates(answer([point()], currency)), [], String(currency))
})

t.test('whatever comes, reading ends with amounts or with nothing', async t => {
  const loose = fc.oneof(fc.jsonValue(), fc.constantFrom('REGULAR', 'BR', 'UTILITY', 0.01, 12, START))
  const points = fc.array(
    fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom(...Object.keys(point())), loose),
      fc.record({ volume: loose, cost: loose, tier: loose }).map(given => point(given))
    )
  )
  const held = fc.check(
    fc.property(points, list => {
      for (const rate of readRates(answer(list))) {
        if (!(rate.amountPerMessage > 0) || !(rate.volume >= 1) || !/^[A-Z]{2}$/.test(rate.country)) return false
      }
      return true
    })
  )
  t.notOk(held.failed, JSON.stringify(held.counterexample))
  const any = fc.check(fc.property(fc.object(), given => Array.isArray(readRates(given))))
  t.notOk(any.failed, JSON.stringify(any.counterexample))
})

t.test('the call asks for whole days, by everything that prices differ by', async t => {
  t.equal(
    pricingField({ from: at(0), to: at(30) }),
    `pricing_analytics.start(${START}).end(${START + 30 * DAY}).granularity(DAILY).metric_types(["COST","VOLUME"])` +
      '.dimensions(["COUNTRY","PRICING_CATEGORY","PRICING_TYPE","TIER"])'
  )
})

const rate = (given: Partial<PaidRate> = {}): PaidRate => ({
  country: 'BR',
  category: 'utility',
  tier: '0:MAX',
  volume: 10,
  amountPerMessage: 0.007,
  currency: 'USD',
  from: at(0),
  to: at(30),
  ...given
})
const ask = (given: Partial<PriceAsked> = {}): PriceAsked => ({
  category: 'utility',
  country: 'BR',
  windowOpen: false,
  freeEntryUntil: null,
  now: at(30),
  rates: [rate()],
  ...given
})

t.test('the rate is that of the country and the category, and none where nothing was measured', async t => {
  t.same(priceOf(ask()), {
    free: null,
    rate: { country: 'BR', amountPerMessage: 0.007, currency: 'USD', messages: 10, from: at(0), to: at(30) }
  })
  t.equal(priceOf(ask({ country: 'MX' })).rate, null, 'another country')
  t.equal(priceOf(ask({ country: null })).rate, null, 'nobody known')
  t.equal(priceOf(ask({ category: 'marketing' })).rate, null, 'another category')
  t.equal(priceOf(ask({ category: 'unknown' })).rate, null)
  t.equal(priceOf(ask({ rates: [] })).rate, null)
  t.ok(priceOf(ask({ now: at(121) })).rate, 'a quarter later still')
  t.equal(priceOf(ask({ now: at(123) })).rate, null, 'but what is older says too little')
})

t.test('volume tiers are averaged by how much went in each', async t => {
  const rates = [
    rate({ volume: 30, amountPerMessage: 0.008 }),
    rate({ tier: '1:9', volume: 10, amountPerMessage: 0.004 })
  ]
  t.match(priceOf(ask({ rates })).rate, { amountPerMessage: 0.007, messages: 40 })
  const mixed = [rate(), rate({ tier: 'x', currency: 'EUR', to: at(31), amountPerMessage: 0.006 })]
  t.match(priceOf(ask({ rates: mixed, now: at(31) })).rate, { currency: 'EUR', amountPerMessage: 0.006, messages: 10 })
})

t.test('a code costs what was charged for codes last, at home or abroad', async t => {
  const rates = [
    rate({ category: 'authentication', to: at(10) }),
    rate({ category: 'authentication_international', amountPerMessage: 0.03, volume: 2 })
  ]
  t.match(priceOf(ask({ category: 'authentication', rates })).rate, { amountPerMessage: 0.03, messages: 2 })
  t.match(priceOf(ask({ category: 'authentication', rates: rates.slice(0, 1) })).rate, { amountPerMessage: 0.007 })
})

t.test('what Meta does not charge has no amount', async t => {
  const before = new Date('2026-09-30T23:59:59Z')
  const free = { free: 'window', rate: null }
  t.same(priceOf(ask({ windowOpen: true, now: before })), free, 'utility in an open window, until 2026-10-01')
  t.equal(priceOf(ask({ windowOpen: false, now: before })).free, null)
  t.equal(priceOf(ask({ windowOpen: true, now: before, category: 'marketing' })).free, null)
  t.equal(priceOf(ask({ windowOpen: true })).free, null, 'charged since then')
  t.same(priceOf(ask({ freeEntryUntil: at(31), category: 'marketing' })), { free: 'entry_point', rate: null })
  t.equal(priceOf(ask({ freeEntryUntil: at(30) })).free, null, 'that time is over')
})

/** Regions that share the code of a larger country; Meta's markets do not tell them apart. */
const SHARED: Readonly<Record<string, string>> = {
  AX: 'FI',
  BL: 'GP',
  BQ: 'CW',
  CC: 'AU',
  CX: 'AU',
  EH: 'MA',
  GG: 'GB',
  IM: 'GB',
  JE: 'GB',
  MF: 'GP',
  SJ: 'NO',
  TA: 'SH',
  VA: 'IT',
  YT: 'RE'
}

t.test('every country is known by its calling code', async t => {
  for (const country of getCountries()) {
    const number = getExampleNumber(country, examples)?.number
    if (number === undefined) continue
    t.equal(countryOfPhone(number), SHARED[country] ?? country, `${country} ${number}`)
  }
  t.equal(countryOfPhone('0055 31 98000-0102'), 'BR')
  t.equal(countryOfPhone('+1 212 555 0123'), 'US')
  t.equal(countryOfPhone('+1 416 555 0123'), 'CA')
  for (const nobody of ['', '+', 'abc', '999123', '0']) t.equal(countryOfPhone(nobody), null, nobody)
})

t.test('without a phone the user id tells the country', async t => {
  t.equal(countryOfCustomer({ waId: '34611000101', userId: 'BR.abc' }, null), 'ES', 'the phone goes first')
  t.equal(countryOfCustomer({ userId: 'BR.1349' }, null), 'BR')
  t.equal(countryOfCustomer({ userId: 'BR.1349' }, '+34 611 000 101'), 'ES')
  t.equal(countryOfCustomer(null, '+4915550000107'), 'DE')
  t.equal(countryOfCustomer({ userId: '1349' }, null), null)
  t.equal(countryOfCustomer(null, null), null)
})

t.test('days and countries are written as the language writes them', async t => {
  t.equal(
    formatDays('en', at(0), at(30)).replace(/\s/g, ' '),
    'Nov 1 – 30, 2026',
    'the day behind the last is not counted'
  )
  t.match(formatDays('es', at(-8), at(22)), /24 oct.*22 nov 2026/)
  t.equal(nameCountry('pt-BR', 'BR'), 'Brasil')
  t.equal(nameCountry('es', 'DE'), 'Alemania')
  t.equal(nameCountry('en', '??'), '??')
})

t.test('the token of any number may ask; other failures are not tried again', async t => {
  const number = (token: string) => ({ access: { token } }) as unknown as ServedNumber
  const numbers = [number('a'), number('a'), number('b'), number('c')]
  const asked: string[] = []
  const run = (fail: Record<string, ErrorCode>) => {
    asked.length = 0
    return askWithAnyToken(numbers, async ({ token }) => {
      asked.push(token)
      const code = fail[token]
      if (code !== undefined) throw new PuenteError(code)
      return token
    })
  }
  t.equal(await run({ a: 'wa_permission', b: 'wa_token_invalid' }), 'c')
  t.same(asked, ['a', 'b', 'c'])
  t.equal(await run({ a: 'wa_app_secret' }), 'b')
  await t.rejects(run({ a: 'wa_unreachable' }), { code: 'wa_unreachable' })
  t.same(asked, ['a'])
  await t.rejects(run({ a: 'wa_permission', b: 'wa_permission', c: 'wa_permission' }), { code: 'wa_permission' })
  t.same(asked, ['a', 'b', 'c'])
})
