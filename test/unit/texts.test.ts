import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ERROR_TABLE, type ErrorCode, PuenteError } from '../../plugin/core/errors.ts'
import {
  describeFailure,
  describeNote,
  describeTimedNote,
  describeWindow,
  explainError,
  explainToAdmin,
  FAILURE_LIMIT,
  windowBanner
} from '../../plugin/core/texts/describe.ts'
import { en, type TextKey } from '../../plugin/core/texts/en.ts'
import {
  formatDay,
  formatDecimal,
  formatDuration,
  formatList,
  formatMoment,
  formatMoney,
  formatSize
} from '../../plugin/core/texts/format.ts'
import { CATALOGUES, findText, LOCALES, pickLocale, text } from '../../plugin/core/texts/text.ts'
import { windowState } from '../../plugin/core/window.ts'

const keys = Object.keys(en) as TextKey[]
const root = join(import.meta.dirname, '../..')

function placeholders(sentence: string): string[] {
  return [...sentence.matchAll(/\{(\w+)\}/g)].map(match => match[1]!).sort()
}

function readSources(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(each => each.isFile() && each.name.endsWith('.ts') && !/[\\/]node_modules[\\/]/.test(each.parentPath))
    .filter(each => !['en.ts', 'es.ts', 'pt-br.ts'].includes(each.name))
    .map(each => readFileSync(join(each.parentPath, each.name), 'utf8'))
    .join('\n')
}

t.test('every language says everything, with the same values', async t => {
  for (const locale of LOCALES) {
    const catalogue = CATALOGUES[locale]
    t.strictSame(Object.keys(catalogue).sort(), [...keys].sort(), locale)
    for (const key of keys) {
      t.strictSame(placeholders(catalogue[key]), placeholders(en[key]), `${locale} ${key}`)
      t.match(catalogue[key], /\S/, `${locale} ${key}`)
      t.notMatch(catalogue[key], /[*_`~<>[\]#|\\]/, `${locale} ${key} holds nothing that Markdown or HTML takes up`)
    }
  }
})

t.test('nothing is left in English in the other languages', async t => {
  const same = ['GIF', 'Audio', 'Sticker', 'Total: {total}', 'WhatsApp: {text}', 'no']
  for (const locale of ['es', 'pt-BR'] as const) {
    for (const key of keys) if (!same.includes(en[key])) t.not(CATALOGUES[locale][key], en[key], `${locale} ${key}`)
  }
})

t.test('every key is used', async t => {
  const source = readSources('plugin') + readSources('adapters')
  const families = [
    ...source.matchAll(/`((?:error|note|render|activity|unsupported|window|template|tab)\.[\w.]*)\$\{/g)
  ].map(match => match[1]!)
  t.ok(families.includes('error.'), 'keys may be put together from a family and a word')
  const unused = keys.filter(key => !source.includes(`'${key}'`) && !families.some(family => key.startsWith(family)))
  t.strictSame(unused, [])
})

t.test('every error has a sentence of at most 120 characters with its code behind it, in every language', async t => {
  const codes = Object.keys(ERROR_TABLE) as ErrorCode[]
  for (const locale of LOCALES) {
    for (const code of codes) {
      const told = describeFailure(locale, code)
      t.ok(told.length <= FAILURE_LIMIT, `${locale} ${told} (${told.length})`)
      t.equal(told, `${explainError(locale, code)} (${code})`, 'nothing had to be cut')
      t.match(explainError(locale, code), /[.;] ?\S.*\.$/, `${locale} ${code} says what is and what to do`)
      t.equal(describeFailure(locale, new PuenteError(code), 131047), `${explainError(locale, code)} (131047)`)
    }
  }
  const known = new Set(codes.map(code => `error.${code}`))
  for (const key of keys) if (key.startsWith('error.')) t.ok(known.has(key), `${key} belongs to an error`)
})

t.test('nobody sends the admin to the admin', async t => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const told = explainToAdmin(code)
    t.notMatch(told, /your admin/i, code)
    t.ok(told.length > 10 && explainError('en', code).startsWith(told.slice(0, 10)), told)
  }
})

t.test('a failure keeps to its length whatever code is behind it', async t => {
  t.equal(describeFailure('en', 'wa_window_closed', 'x'.repeat(90)).length, FAILURE_LIMIT)
})

t.test('values are filled in one pass, and numbers as the language writes them', async t => {
  t.equal(text('en', 'render.form.more', { count: 1234 }), 'And 1,234 more answers; Puente keeps them.')
  t.equal(text('es', 'render.form.more', { count: 12345 }), 'Y 12.345 respuestas más; Puente las guarda.')
  t.equal(
    text('en', 'activity.reaction', { name: '{emoji}', emoji: '👍', target: '{name}' }),
    '{emoji} reacted 👍 to “{name}”'
  )
  t.equal(text('pt-BR', 'render.forwarded'), 'Encaminhada')
})

t.test('a key that is only known at run time is found or not', async t => {
  t.equal(findText('es', 'render.label.mobile'), 'móvil')
  t.equal(findText('es', 'render.label.zzz'), undefined)
  t.equal(findText('es', 'constructor'), undefined)
})

t.test("the desk's locales are recognised", async t => {
  const cases = { en: 'en', pt_BR: 'pt-BR', pt: 'pt-BR', 'pt-PT': 'pt-BR', es: 'es', es_MX: 'es', ES: 'es', de: 'en' }
  for (const [name, locale] of Object.entries(cases)) t.equal(pickLocale(name), locale, name)
  t.equal(pickLocale(null), 'en')
  t.equal(pickLocale(undefined), 'en')
  t.equal(pickLocale('est'), 'en')
})

const plain = (shown: string) => shown.replace(/[\u00a0\u202f]/g, ' ')

t.test('money is exact, in any currency', async t => {
  t.equal(plain(formatMoney('en', '67.99', 'USD')), '$67.99')
  t.equal(plain(formatMoney('es', '67.99', 'USD')), '67,99 US$')
  t.equal(plain(formatMoney('pt-BR', '1234.5', 'BRL')), 'R$ 1.234,50')
  t.equal(plain(formatMoney('en', '1500', 'JPY')), '¥1,500')
  t.equal(plain(formatMoney('en', '1.005', 'USD')), '$1.005', 'nothing is rounded away')
  t.equal(plain(formatMoney('en', '12345678901234567890.12', 'USD')), '$12,345,678,901,234,567,890.12')
  t.equal(plain(formatMoney('en', '3.5', 'points')), '3.5 points', 'an unknown currency stands as it came')
  t.equal(plain(formatMoney('en', '3.5', '')), '3.5')
  t.equal(formatDecimal('es', '1234567.25'), '1.234.567,25')
})

t.test('times, durations, sizes and lists', async t => {
  const at = new Date('2026-11-01T22:05:00Z')
  t.equal(plain(formatMoment('en', at)), 'Nov 1, 2026, 10:05 PM UTC')
  t.match(plain(formatMoment('es', at, 'Europe/Madrid')), /1 nov 2026.*23:05/)
  t.equal(formatDay('pt-BR', '1990-01-23'), '23 de janeiro de 1990')
  t.equal(formatDay('en', '--01-23'), '--01-23')
  t.equal(formatDay('en', '1990-99-99'), '1990-99-99')
  t.equal(formatDuration(120), '2:00')
  t.equal(formatDuration(3723), '1:02:03')
  t.equal(plain(formatSize('en', 101_500_000)), '101.5 MB')
  t.equal(formatList('es', ['a', 'b', 'c']), 'a, b y c')
})

t.test('notes and the state of the window are whole sentences', async t => {
  const until = new Date('2026-11-02T10:00:00Z')
  for (const locale of LOCALES) {
    for (const kind of [
      'deleted_at_desk',
      'deleted_in_part',
      'deleted_unsure',
      'uncertain',
      'parked_sent',
      'parked_recalled',
      'too_old',
      'quote_lost'
    ] as const)
      t.notMatch(describeNote(locale, kind), /[{}]/)
    for (const kind of ['parked', 'parked_expired'] as const)
      t.match(describeTimedNote(locale, kind, until), /10:00/, `${locale} ${kind} names the time`)
    t.ok(windowBanner(locale).length < 150)
  }
  const open = windowState({ lastInboundAt: new Date('2026-11-01T10:00:00Z'), now: new Date('2026-11-01T11:00:00Z') })
  t.match(plain(describeWindow('en', open)), 'You can write freely until Nov 2, 2026, 10:00 AM UTC.')
  const closed = windowState({ lastInboundAt: new Date('2026-11-01T10:00:00Z'), now: new Date('2026-11-05T11:00:00Z') })
  t.match(describeWindow('en', closed), /^Closed since Nov 2/)
  t.match(describeWindow('en', windowState({ lastInboundAt: null, now: until })), /not written yet/)
})
