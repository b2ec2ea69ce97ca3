import fc from 'fast-check'
import t from 'tap'
import { ERROR_TABLE } from '../../plugin/core/errors.ts'
import { fillTemplate } from '../../plugin/core/templates/fill.ts'
import type {
  FillRules,
  Slot,
  SlotValue,
  Template,
  TemplateProblem,
  Values
} from '../../plugin/core/templates/model.ts'
import { describeProblem, problemError } from '../../plugin/core/templates/problems.ts'
import { readTemplate } from '../../plugin/core/templates/read.ts'
import { listSlots } from '../../plugin/core/templates/slots.ts'
import { describeFailure, FAILURE_LIMIT } from '../../plugin/core/texts/describe.ts'
import { en } from '../../plugin/core/texts/en.ts'
import { LOCALES } from '../../plugin/core/texts/text.ts'
import { judge } from '../support/template-rules.ts'
import { DEFINITIONS, fixture, LISTED, listed } from '../support/template-samples.ts'

const now = new Date('2026-11-22T12:00:00Z')
const rules: FillRules = { now, hasPhone: true }
const lenient: FillRules = { ...rules, checkStatus: false }

const VALUES: Record<string, Values> = {
  authentication: { code: 'J$FpnYnP' },
  'button-catalog': { 'button.0': 'sku-001' },
  'button-copy-code': { 'body.1': '25OFF', 'button.1': '25OFF' },
  'button-mpm': {
    'button.0': { thumbnailProductId: 'sku-001', sections: [{ title: 'Popular', productIds: ['sku-001', 'sku-002'] }] }
  },
  'buttons-quick-reply-url': { 'button.0': 'STOP_PROMO', 'button.1': 'https://example.org/s/summer2026' },
  carousel: {
    'body.1': 'Pablo',
    'card.0.header': { mediaId: '610000000000001' },
    'card.0.button.0': 'more-0',
    'card.0.button.1': 'p0',
    'card.1.header': { mediaId: '610000000000001' },
    'card.1.button.0': 'more-1',
    'card.1.button.1': 'p1'
  },
  'header-image': { header: { mediaId: '610000000000001' }, 'body.1': 'Pablo' },
  'header-location': { header: { latitude: 37.44, longitude: -122.16, name: 'Cafe', address: '1 Example St' } },
  'header-video': { header: { link: 'https://example.org/v.mp4' } },
  'limited-time-offer': {
    header: { mediaId: '610000000000001' },
    offer: new Date(1795089600000).toISOString(),
    'body.1': 'Pablo',
    'body.2': 'CARIBE25',
    'button.0': 'CARIBE25',
    'button.1': 'n3mtql'
  },
  named: { 'body.first_name': 'Jessica', 'body.discount_code': 'WELCOME25' },
  'no-variables': {},
  positional: { 'body.1': 'Pablo', 'body.2': '860198-230332' }
}

t.test('S98: every send of the contract is what its template makes of its values', async t => {
  for (const [name, values] of Object.entries(VALUES)) {
    const filled = fillTemplate(readTemplate(DEFINITIONS[name]!), values, { ...rules, now: new Date('2026-11-01') })
    t.strictSame(filled.problems, [], name)
    const wanted = fixture(`send-template-${name}`).template.components ?? []
    const numbered = JSON.parse(JSON.stringify(wanted), (key, value) => (key === 'index' ? String(value) : value))
    t.strictSame(filled.ok && filled.components, numbered, name)
  }
})

const nasty = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    'a\nb',
    'x\t\ty',
    'a     b',
    '{{1}}',
    '{{',
    '{',
    '}',
    ' \r\n ',
    '*b* _i_',
    '{% x %}',
    '\u2028x',
    '\ud800'
  )
)

/** Mostly what fits, sometimes not. */
function valueFor(slot: Slot): fc.Arbitrary<SlotValue | undefined> {
  const word = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/)
  const media = fc.oneof(
    fc.record({ mediaId: fc.stringMatching(/^\d{15}$/) }),
    fc.record({ mediaId: fc.stringMatching(/^\d{15}$/), filename: nasty }),
    fc.record({ link: fc.webUrl(), filename: nasty }),
    fc.record({ link: nasty })
  )
  switch (slot.kind) {
    case 'image':
    case 'video':
    case 'document':
      return media
    case 'location':
      return fc.record({
        latitude: fc.double({ min: -91, max: 91 }),
        longitude: fc.double({ min: -180, max: 180, noNaN: true }),
        name: nasty,
        address: word
      })
    case 'moment':
      return fc.oneof(
        fc
          .date({ min: new Date('2026-11-23'), max: new Date('2030-01-01'), noInvalidDate: true })
          .map(at => at.toISOString()),
        nasty
      )
    case 'products':
      return fc.record({
        thumbnailProductId: word,
        sections: fc.array(fc.record({ title: nasty, productIds: fc.array(word, { maxLength: 6 }) }), { maxLength: 4 })
      })
    case 'product':
      return fc.record({ productId: word, catalogId: nasty })
    case 'flow':
      return fc.option(fc.record({ token: nasty, data: fc.dictionary(word, nasty) }), { nil: undefined })
    case 'coupon':
    case 'code':
    case 'url_suffix':
      return fc.oneof({ weight: 4, arbitrary: word }, nasty)
    case 'payload':
    case 'thumbnail':
      return fc.option(fc.oneof(word, nasty), { nil: undefined })
    default:
      return fc.oneof({ weight: 3, arbitrary: word }, nasty, fc.string({ minLength: 200, maxLength: 1100 }))
  }
}

function valuesFor(template: Template): fc.Arbitrary<Values> {
  return fc.record(Object.fromEntries(listSlots(template).map(slot => [slot.id, valueFor(slot)])))
}

t.test('preview and sent text are equal, and what leaves is valid for its kind, over every template', async t => {
  let sent = 0
  for (const [at, row] of LISTED.entries()) {
    const template = readTemplate(row)
    const name = `${at} ${row.name}`
    t.strictSame(template.unsupported, [], name)
    fc.assert(
      fc.property(valuesFor(template), values => {
        const filled = fillTemplate(template, values, lenient)
        if (!filled.ok) return filled.problems.length > 0
        sent++
        const definition = {
          category: row.category,
          parameter_format: row.parameterFormat!,
          components: row.components
        }
        const judged = judge(definition, filled.components as never)
        if (judged.wrong.length > 0) throw new Error(judged.wrong.join('; '))
        const shown = [filled.preview, ...filled.preview.cards]
        for (const [index, part] of [judged, ...judged.cards].entries()) {
          const { header, body, buttons } = shown[index]!
          if (header?.kind === 'text' && header.text !== part.header) throw new Error(`header ${part.header}`)
          if (body !== null && body.text !== part.body) throw new Error(`body ${part.body}`)
          for (const [n, url] of part.urls.entries()) {
            if (buttons[n]!.kind === 'url' && buttons[n]!.target !== url) throw new Error(`url ${url}`)
          }
        }
        return !`${JSON.stringify(filled.components)}${filled.deskText}`.includes('{{')
      }),
      { numRuns: 60, seed: 20261122 }
    )
  }
  t.ok(sent > LISTED.length * 10, `${sent} of them could be sent`)
})

t.test('whatever is missing or wrong has one plain sentence in every language, short enough for the desk', async t => {
  for (const row of LISTED) {
    const template = readTemplate(row)
    const filled = fillTemplate(template, {}, lenient)
    const required = listSlots(template).filter(slot => slot.required)
    t.strictSame(
      filled.problems.map(problem => [problem.code, problem.slot]),
      required.map(slot => ['missing', slot.id]),
      row.name
    )
    for (const problem of filled.problems) {
      for (const locale of LOCALES) {
        const sentence = describeProblem(locale, problem)
        t.match(sentence, /^\S[^{}]*\.$/, sentence)
        const told = describeFailure(locale, problemError([problem]))
        t.ok(told.length <= FAILURE_LIMIT && told.startsWith(sentence), told)
      }
    }
  }
})

t.test('every sentence about a template fits the desk, also with a long label', async t => {
  for (const locale of LOCALES) {
    for (const key of Object.keys(en).filter(each => each.startsWith('template.problem.'))) {
      const code = key.slice('template.problem.'.length) as TemplateProblem['code']
      const facts = { limit: 1024, length: 2000, status: 'PENDING_DELETION', part: 'BUTTON ORDER_DETAILS AND MORE' }
      const told = describeFailure(
        locale,
        problemError([{ code, slot: 'x', label: 'A label that is much too long', facts }])
      )
      t.match(told, /\. \(wa_\w+\)$/, told)
      t.ok(told.length <= FAILURE_LIMIT, `${told.length}`)
    }
  }
})

const oneText = readTemplate(DEFINITIONS['positional']!)
const problemOf = (template: Template, values: Values, more: Partial<FillRules> = {}) =>
  fillTemplate(template, values, { ...rules, ...more }).problems.map(problem => problem.code)

t.test('values are put into the form that Meta takes', async t => {
  const fill = (value: string) => {
    const filled = fillTemplate(oneText, { 'body.1': value, 'body.2': 'x' }, rules)
    return filled.ok ? filled.preview.body!.text : filled.problems[0]!.code
  }
  t.equal(fill(' Ana\n\nMaría '), 'Thank you Ana María, order x is confirmed.', 'line breaks become a space')
  t.equal(fill('a\tb     c'), 'Thank you a b c, order x is confirmed.')
  t.equal(fill('a   b'), 'Thank you a   b, order x is confirmed.', 'three spaces may stay')
  t.equal(fill('{{name}}'), 'placeholder')
  t.equal(fill(' \n '), 'missing')
  t.equal(fill('x'.repeat(1100)), 'part_too_long')
  const braced = readTemplate(LISTED.find(row => row.name === 'braced')!)
  t.strictSame(
    problemOf(braced, { 'body.1': '{x', 'body.2': 'y' }),
    ['placeholder'],
    'braces that only join when filled'
  )
})

t.test('a document with braces in its name is sent, under a name without a placeholder', async t => {
  const template = readTemplate(LISTED.find(row => row.name === 'document_header')!)
  for (const filename of ['offer {{1}}.pdf', '{\u0000{x}}.pdf', '{{{{', 'plain.pdf']) {
    const filled = fillTemplate(template, { header: { mediaId: '61', filename }, 'body.1': 'Ana' }, rules)
    t.ok(filled.ok, JSON.stringify(filename))
    t.notMatch(JSON.stringify(filled.ok && filled.components), /\{\{/)
  }
})

t.test('each kind of wrong value is named', async t => {
  const of = (name: string) => readTemplate(DEFINITIONS[name]!)
  t.strictSame(problemOf(oneText, { 'body.1': 'a', 'body.2': 'b', 'body.3': 'c' }), ['unknown_slot'])
  t.strictSame(problemOf(oneText, { 'body.1': 'a', 'body.2': { link: 'x' } }), ['wrong_shape'])
  t.strictSame(problemOf(of('header-video'), { header: { link: 'file:///etc/passwd' } }), ['media_address'])
  t.strictSame(problemOf(of('header-video'), { header: { link: '' } }), ['missing'])
  const copy = (code: string) => problemOf(of('button-copy-code'), { 'body.1': 'a', 'button.1': code })
  t.strictSame(copy('TWO WORDS'), ['coupon_shape'])
  t.strictSame(copy('X'.repeat(21)), ['too_long'])
  t.strictSame(copy('X'.repeat(20)), [])
  const url = (suffix: string) => problemOf(of('buttons-quick-reply-url'), { 'button.1': suffix })
  t.strictSame(url('https://other.example/x'), ['url_shape'])
  t.strictSame(url('x'.repeat(1990)), ['url_too_long'])
  t.strictSame(url('https://example.org/s/'), ['missing'], 'the beginning alone is nothing')
  const offer = (at: string) => problemOf(of('limited-time-offer'), { ...VALUES['limited-time-offer'], offer: at })
  t.strictSame(offer('tomorrow'), ['moment_unreadable'])
  t.strictSame(offer('2026-12-01T10:00'), ['moment_unreadable'], 'a time without zone could mean any')
  t.strictSame(offer('2026-11-22T11:00:00Z'), ['moment_past'])
  const code = (value: string, more = {}) => problemOf(of('authentication'), { code: value }, more)
  t.strictSame(code('ünsafe'), ['code_shape'])
  t.strictSame(code('1234', { hasPhone: false }), ['phone_needed'], '131062')
  const place = { latitude: 95, longitude: 0, name: 'x', address: 'y' }
  t.strictSame(problemOf(of('header-location'), { header: place }), ['location_range'])
  const products = (sections: { title: string; productIds: string[] }[]) =>
    problemOf(of('button-mpm'), { 'button.0': { thumbnailProductId: 'a', sections } })
  t.strictSame(products([]), ['products_empty'])
  t.strictSame(products([{ title: 'T', productIds: Array(31).fill('a') }]), ['products_too_many'])
})

t.test('a template that WhatsApp would refuse is refused before', async t => {
  const at = (status: string) =>
    fillTemplate(readTemplate({ ...DEFINITIONS['no-variables']!, status }), {}, rules).problems
  t.strictSame(at('APPROVED'), [])
  const codes = Object.fromEntries(
    ['PAUSED', 'DISABLED', 'REJECTED', 'PENDING', 'ARCHIVED'].map(status => [status, problemError(at(status)).code])
  )
  t.strictSame(codes, {
    PAUSED: 'wa_template_paused',
    DISABLED: 'wa_template_paused',
    REJECTED: 'wa_template_missing',
    PENDING: 'wa_template_missing',
    ARCHIVED: 'wa_template_missing'
  })
  const gif = readTemplate(
    listed({
      components: [
        { type: 'HEADER', format: 'GIF' },
        { type: 'BODY', text: 'Hi' }
      ]
    })
  )
  t.strictSame(gif.unsupported, ['HEADER GIF'])
  t.strictSame(
    fillTemplate(gif, {}, rules).problems.map(problem => problem.code),
    ['unsupported']
  )
  const odd = readTemplate(
    listed({ components: [{ type: 'BODY', text: 'Hi' }, { type: 'ORDER_DETAILS' }, { type: 7 }] })
  )
  t.strictSame(odd.unsupported, ['ORDER_DETAILS', 'UNKNOWN'])
})

t.test('slots tell people where they are', async t => {
  const slots = listSlots(readTemplate(listed(fixture('api-template-list').data[0])))
  t.strictSame(
    slots.map(({ id, kind, label, example, required }) => ({ id, kind, label, example, required })),
    [
      {
        id: 'header',
        kind: 'image',
        label: 'image',
        example: 'https://scontent.whatsapp.net/v/example',
        required: true
      },
      { id: 'body.number_of_guests', kind: 'text', label: 'number of guests', example: '4', required: true },
      { id: 'body.day', kind: 'text', label: 'day', example: 'Saturday', required: true },
      { id: 'button.0', kind: 'url_suffix', label: 'Change', example: '42', required: true },
      { id: 'button.2', kind: 'payload', label: 'Cancel', example: null, required: false }
    ]
  )
  t.strictSame(slots[1]!.context, { before: 'Reservation for ', after: ' on ' })
  const offer = listSlots(readTemplate(DEFINITIONS['limited-time-offer']!))
  t.strictSame(
    offer.map(slot => slot.id),
    ['header', 'body.1', 'body.2', 'offer', 'button.0', 'button.1']
  )
})

t.test('while slots are empty the preview shows them, marked', async t => {
  const { preview } = fillTemplate(oneText, { 'body.1': 'Ana' }, rules)
  t.strictSame(preview.body!.pieces, [
    { text: 'Thank you ', slot: null, filled: true },
    { text: 'Ana', slot: 'body.1', filled: true },
    { text: ', order ', slot: null, filled: true },
    { text: '{{2}}', slot: 'body.2', filled: false },
    { text: ' is confirmed.', slot: null, filled: true }
  ])
})

t.test('colleagues read the rendered text with its buttons by name', async t => {
  const row = LISTED.find(one => one.name === 'shipping_update')!
  const filled = fillTemplate(
    readTemplate(row),
    { 'header.1': '4*2', 'body.1': 'Ana', 'body.2': '*Friday*', 'body.3': '10', 'button.0': 'a b' },
    rules
  )
  t.equal(
    filled.deskText,
    [
      '**Order 4\\*2**',
      'Hello Ana, your parcel arrives on **Friday** between 10. Please be at home.',
      '_Sandbox Shop_',
      '- 🔗 Track parcel: https://example.org/t/a%20b\n- 📞 Call us: +15550100200'
    ].join('\n\n')
  )
  t.ok(Object.hasOwn(ERROR_TABLE, problemError([]).code))
})

t.test('a one-time password is read by the customer alone', async t => {
  const template = readTemplate(DEFINITIONS['authentication']!)
  const filled = fillTemplate(template, { code: 'J4FpnYnP' }, rules)
  t.match(JSON.stringify(filled.ok && filled.components), /J4FpnYnP/)
  t.notMatch(filled.deskText, /J4FpnYnP/)
  t.match(filled.deskText, /•••••• \*\*|\*\*••••••\*\* is your verification code/)
})
