/** Parts as bodies of a send, compared with the recorded bodies wherever a part can express them. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { toSendBody } from '../../adapters/whatsapp-cloud/to-wire.ts'
import type { OutboundPart, PartToSend } from '../../plugin/core/model.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/whatsapp/${name}.json`, import.meta.url), 'utf8'))
const MARA = { phone: '+15550100301' }
const HEARD = 'wamid.HBgLMTU1NTAxMDAzMDEVAgASGBRJTjAwMDAwMDAwMDAwMDAwMDAwMQ=='
const send = (part: OutboundPart, rest: Partial<PartToSend> = {}) =>
  toSendBody({ to: MARA, part, reference: 'r1', ...rest })
const text = (body: string, previewUrl = false): OutboundPart => ({ kind: 'text', body, previewUrl })
const media = (
  type: 'image' | 'video' | 'audio' | 'document' | 'sticker',
  mediaId: string,
  rest: object = {}
): OutboundPart => ({ kind: 'media', type, mediaId, ...rest })
// Meta takes the index of a button as text or number.
const numberAsText = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (key, inner) => (key === 'index' ? String(inner) : inner))

/** Filled by the template model; here only where it goes matters. */
function filledAs(fixture: string): OutboundPart {
  const { name, language, components = [] } = read(fixture).template
  return { kind: 'template', template: { name, language: language.code, components: numberAsText(components) } }
}

const CASES: [string, OutboundPart, Partial<PartToSend>?][] = [
  ['send-text', text('Here is the link https://example.org/x', true)],
  ['send-text-bsuid', text('Hello'), { to: { userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw' } }],
  ['send-text-context-reply', text('Replying'), { quotes: HEARD }],
  ['send-text-callback-data', text('Hi'), { reference: 'cw:conv=42;msg=1007' }],
  [
    'send-text-group',
    text('Hello group'),
    { to: { groupId: 'Y2FwaV9ncm91cDoxNTU1MDEwMDIwMDoxMjAzNjMwMDAwMDAwMDAwMDE' } }
  ],
  ['send-video', media('video', '610000000000002', { caption: 'caption' })],
  ['send-audio', media('audio', '610000000000003')],
  ['send-audio-voice', media('audio', '610000000000004', { voice: true })],
  ['send-document', media('document', '610000000000005', { filename: 'order_42.pdf', caption: 'Your order' })],
  ['send-sticker', media('sticker', '610000000000006', { caption: 'never', filename: 'never' })],
  ['send-template-no-variables', filledAs('send-template-no-variables')],
  ['send-template-positional', filledAs('send-template-positional')],
  ['send-template-named', filledAs('send-template-named')],
  ['send-template-header-image', filledAs('send-template-header-image')],
  ['send-template-header-video', filledAs('send-template-header-video')],
  ['send-template-header-location', filledAs('send-template-header-location')],
  ['send-template-buttons-quick-reply-url', filledAs('send-template-buttons-quick-reply-url')],
  ['send-template-button-copy-code', filledAs('send-template-button-copy-code')],
  ['send-template-button-catalog', filledAs('send-template-button-catalog')],
  ['send-template-button-mpm', filledAs('send-template-button-mpm')],
  ['send-template-carousel', filledAs('send-template-carousel')],
  ['send-template-limited-time-offer', filledAs('send-template-limited-time-offer')],
  ['send-template-authentication', filledAs('send-template-authentication')]
]

for (const [name, part, rest] of CASES) {
  t.test(`${name} is what Meta documents`, async t => {
    const expected = numberAsText(read(name))
    t.strictSame(JSON.parse(JSON.stringify(send(part, rest))), { biz_opaque_callback_data: 'r1', ...expected })
  })
}

t.test('the phone wins over the user id, and gets its plus', async t => {
  t.match(send(text('x'), { to: { phone: '15550100301', userId: 'US.a' } }), {
    to: '+15550100301',
    recipient: undefined
  })
  t.throws(() => send(text('x'), { to: {} }), { code: 'no_recipient', certainty: 'did_not_happen' })
})

const choices = (count: number, title = (n: number) => `Choice ${n}`): OutboundPart => ({
  kind: 'choices',
  body: 'Which one?',
  choices: Array.from({ length: count }, (_, n) => ({ id: `id-${n}`, title: title(n) })),
  listLabel: 'Options'
})

t.test('up to three choices are buttons, up to ten a list, more are refused before anything leaves', async t => {
  t.strictSame(send(choices(2)).interactive, {
    type: 'button',
    body: { text: 'Which one?' },
    action: {
      buttons: [
        { type: 'reply', reply: { id: 'id-0', title: 'Choice 0' } },
        { type: 'reply', reply: { id: 'id-1', title: 'Choice 1' } }
      ]
    }
  })
  t.match(send(choices(3)).interactive, { type: 'button' })
  t.match(send(choices(4)).interactive, {
    type: 'list',
    action: { button: 'Options', sections: [{ rows: [{ id: 'id-0', title: 'Choice 0' }] }] }
  })
  t.match(send(choices(10)).interactive, { type: 'list' })
  t.throws(() => send(choices(11)), { code: 'wa_invalid', stage: 'decide' })
  t.match(send(choices(0)), { type: 'text', text: { body: 'Which one?' } })
  const long = choices(2) as OutboundPart & { kind: 'choices' }
  t.match(send({ ...long, body: 'x'.repeat(2000) }).interactive, { type: 'list' }, 'a long question needs a list')
})

t.test('titles are cut, stay different, and the list keeps the whole title below', async t => {
  const same = () => 'The very same beginning and a different end'
  const buttons = send(choices(3, same)).interactive
  if (buttons?.type !== 'button') throw new Error('no buttons')
  const titles = buttons.action.buttons.map(button => button.reply.title)
  t.equal(new Set(titles).size, 3)
  t.ok(
    titles.every(title => title.length <= 20 && title.includes('…')),
    titles.join(' | ')
  )
  const list = send(choices(5, same)).interactive
  t.match(list, {
    action: { sections: [{ rows: [{ id: 'id-0', description: 'The very same beginning and a different end' }] }] }
  })
})

t.test('property: titles and rows keep Meta’s limits for any text, and ids are untouched', async t => {
  const choice = fc.record({
    id: fc.string({ minLength: 1, maxLength: 200 }),
    title: fc.string({ unit: 'grapheme', maxLength: 120 })
  })
  fc.assert(
    fc.property(
      fc.array(choice, { minLength: 1, maxLength: 10 }),
      fc.string({ unit: 'grapheme', minLength: 1 }),
      (all, listLabel) => {
        const { interactive } = send({ kind: 'choices', body: 'Which?', choices: all, listLabel })
        if (interactive?.type === 'button') {
          const replies = interactive.action.buttons.map(button => button.reply)
          return replies.every((reply, n) => reply.id === all[n]!.id && reply.title.length <= 20)
        }
        if (interactive?.type !== 'list') return false
        const { button, sections } = interactive.action
        return (
          button.length <= 20 &&
          sections[0]!.rows.every(
            (row, n) => row.id === all[n]!.id && row.title.length <= 24 && (row.description?.length ?? 0) <= 72
          )
        )
      }
    )
  )
  t.pass()
})
