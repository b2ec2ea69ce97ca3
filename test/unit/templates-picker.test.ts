/** Chatwoot's picker as its own form works (4.16 `WhatsAppTemplateParser`), filling the mirrored copy of every template. */
import fc from 'fast-check'
import t from 'tap'
import { isSameJson } from '../../plugin/core/same-json.ts'
import { fillTemplate } from '../../plugin/core/templates/fill.ts'
import type { FillRules, Values } from '../../plugin/core/templates/model.ts'
import {
  isPickable,
  type PickerTemplate,
  pickerTemplates,
  valuesFromPicker
} from '../../plugin/core/templates/picker.ts'
import { readTemplate } from '../../plugin/core/templates/read.ts'
import { listSlots } from '../../plugin/core/templates/slots.ts'
import { LISTED, listed } from '../support/template-samples.ts'

const rules: FillRules = { now: new Date('2026-11-22T12:00:00Z'), hasPhone: true }

interface Form {
  body?: Record<string, string>
  header?: { media_url: string; media_type: string; media_name?: string }
  buttons?: ({ type: string; parameter: string } | null)[]
}

/** What the form asks for; values come from `say`, in the order of its fields. Throws where the form crashes. */
function fillForm(template: PickerTemplate, say: () => string): Form {
  const part = (type: string) => template.components.find(component => component['type'] === type)
  const form: Form = {}
  const header = part('HEADER')
  const format = String(header?.['format'] ?? 'TEXT').toLowerCase()
  const keys = String(part('BODY')!['text']).match(/{{([^}]+)}}/g)
  if (keys !== null) {
    form.body = Object.fromEntries(keys.map(key => [key.replace(/{{|}}/g, ''), '']))
    for (const key of Object.keys(form.body)) form.body[key] = say()
  }
  if (header !== undefined && format !== 'text') {
    form.header = { media_url: 'https://example.org/a', media_type: format }
    if (format === 'document') form.header.media_name = 'a.pdf'
  }
  const buttons = (part('BUTTONS')?.['buttons'] ?? []) as Record<string, string>[]
  for (const [index, button] of buttons.entries()) {
    const open = button['type'] === 'URL' && button['url']!.includes('{{')
    if (!open && button['type'] !== 'COPY_CODE') continue
    form.buttons ??= []
    form.buttons[index] = { type: open ? 'url' : 'copy_code', parameter: say() }
  }
  // A sparse list: the form reads a field of what is not there.
  for (let n = 0; n < (form.buttons?.length ?? 0); n++) if (!(n in form.buttons!)) throw new Error('the form crashes')
  if (header !== undefined && format === 'text' && String(header['text']).includes('{{')) throw new Error('locked')
  return form
}

const approved = LISTED.map(row => ({ ...row, status: 'APPROVED' }))
const all = approved.map(row => ({ listed: row, template: readTemplate(row) }))

t.test('whatever the picker offers, its form fills completely, and the answer becomes the same message', async t => {
  let offered = 0
  for (const { listed: row, template } of all) {
    const [copy] = pickerTemplates([{ listed: row, template }])
    if (copy === undefined) continue
    offered++
    const word = fc.stringMatching(/^[a-zA-Z0-9]{1,12}$/)
    fc.assert(
      fc.property(fc.array(word, { minLength: 20, maxLength: 20 }), words => {
        let next = 0
        const form = fillForm(copy, () => words[next++]!)
        const values = valuesFromPicker(template, JSON.parse(JSON.stringify(form)))
        const filled = fillTemplate(template, values, rules)
        if (!filled.ok) throw new Error(`${row.name}: ${JSON.stringify(filled.problems)}`)
        const sent = JSON.stringify(filled.components)
        return words.slice(0, next).every(each => sent.includes(`"${each}"`))
      }),
      { numRuns: 20 }
    )
  }
  t.ok(offered >= 15, `${offered} of ${all.length}`)
})

t.test('each kind that the form cannot express is left out', async t => {
  const body = { type: 'BODY', text: 'Hi.' }
  const offers = (components: Record<string, unknown>[], more = {}) =>
    isPickable(readTemplate(listed({ components, ...more })))
  const button = (type: string, more = {}) => [body, { type: 'BUTTONS', buttons: [{ type, text: 'x', ...more }] }]
  t.ok(offers([body]))
  t.ok(offers([{ type: 'HEADER', format: 'TEXT', text: 'Plain' }, body]))
  t.notOk(offers([{ type: 'HEADER', format: 'TEXT', text: 'For {{1}}' }, body]), 'a text header with a slot')
  for (const format of ['IMAGE', 'VIDEO', 'DOCUMENT']) t.ok(offers([{ type: 'HEADER', format }, body]), format)
  for (const format of ['LOCATION', 'PRODUCT', 'GIF']) t.notOk(offers([{ type: 'HEADER', format }, body]), format)
  for (const type of ['QUICK_REPLY', 'PHONE_NUMBER', 'COPY_CODE']) t.ok(offers(button(type)), type)
  t.ok(offers(button('URL', { url: 'https://example.org/{{1}}' })))
  const special = ['FLOW', 'CATALOG', 'MPM', 'SPM', 'OTP', 'VOICE_CALL', 'REQUEST_CONTACT_INFO', 'ORDER_DETAILS']
  for (const type of special) t.notOk(offers(button(type)), type)
  t.notOk(offers([body, { type: 'CAROUSEL', cards: [{ components: [body] }] }]))
  t.notOk(offers([body, { type: 'LIMITED_TIME_OFFER', limited_time_offer: { text: 'x' } }]))
  t.notOk(offers([body, { type: 'call_permission_request' }]))
  t.notOk(offers([{ type: 'HEADER', format: 'TEXT', text: 'No body' }]), 'the form needs a body')
  t.notOk(offers([body], { category: 'AUTHENTICATION' }))
  t.notOk(offers([body], { status: 'PAUSED' }))
  t.notOk(offers([body], { name: 'customer_satisfaction_survey_7' }), 'hidden by the form itself')
})

t.test('the answer of older desks, and of newer ones, is understood', async t => {
  const template = readTemplate(listed({ components: [{ type: 'BODY', text: '{{1}} and {{2}}.' }] }))
  t.strictSame(valuesFromPicker(template, { 1: 'a', 2: 'b' }), { 'body.1': 'a', 'body.2': 'b' } as Values)
  t.strictSame(valuesFromPicker(template, { body: { ' 1 ': 7, '{{2}}': '' } }), { 'body.1': '7' } as Values)
  const header = readTemplate(
    listed({
      components: [
        { type: 'HEADER', format: 'TEXT', text: 'No {{1}}' },
        { type: 'BODY', text: 'x' }
      ]
    })
  )
  t.strictSame(valuesFromPicker(header, { header: { 1: '42' } }), { 'header.1': '42' } as Values)
  const code = readTemplate(LISTED.find(row => row.category === 'AUTHENTICATION')!)
  t.strictSame(valuesFromPicker(code, { body: { 1: '1234' }, buttons: [{ type: 'url', parameter: '1234' }] }), {
    code: '1234'
  } as Values)
  t.strictSame(listSlots(code).length, 1)
})

t.test('two JSON values are the same whatever the order of their keys', async t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const turned = (each: unknown): unknown =>
        Array.isArray(each)
          ? each.map(turned)
          : typeof each === 'object' && each !== null
            ? Object.fromEntries(
                Object.entries(each)
                  .reverse()
                  .map(([key, inner]) => [key, turned(inner)])
              )
            : each
      return isSameJson(value, turned(JSON.parse(JSON.stringify(value)))) || JSON.stringify(value).includes('-0')
    })
  )
  for (const [a, b] of [
    [{ a: 1 }, { a: 1, b: undefined }],
    [
      [1, 2],
      [2, 1]
    ],
    [[], {}],
    [null, {}],
    [{ a: 1 }, { b: 1 }]
  ])
    t.notOk(isSameJson(a, b))
})
