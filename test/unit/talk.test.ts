// The small decisions behind the tab: who mends a failure, codes in notes, reserved uploads, composed parts on the wire.
import fc from 'fast-check'
import t from 'tap'
import { toSendBody } from '../../adapters/whatsapp-cloud/to-wire.ts'
import { codeInNote, pairingCode } from '../../plugin/core/agents/pairing.ts'
import { ERROR_TABLE, type ErrorCode } from '../../plugin/core/errors.ts'
import { instructionSource, isInstructionSource, uploadId, withUploads } from '../../plugin/core/talk/instruction.ts'
import { mendable } from '../../plugin/core/talk/mend.ts'
import { failureOf, receiptsPattern, shownState } from '../../plugin/core/talk/shown-state.ts'
import { createBuckets } from '../../plugin/http/session/buckets.ts'

t.test('every failure says who can mend it, in every language', async t => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    for (const locale of ['en', 'es', 'pt-BR'] as const) {
      const failure = mendable(locale, code)
      t.ok(failure.sentence.length > 10, code)
      if (failure.whoCanMend === 'admin') t.equal(failure.action, 'ask_admin', code)
      if (failure.whoCanMend === 'itself') t.equal(failure.action, 'wait', code)
    }
  }
  t.match(mendable('en', 'wa_window_closed', 131047), { action: 'choose_template', metaCode: 131047 })
  t.match(mendable('en', 'never_heard_of'), { code: 'wa_refused' })
})

t.test('S79: what a delivery shows as', async t => {
  t.equal(shownState({ state: 'parked', rank: 4 }), 'parked')
  t.same(
    [0, 1, 2, 3, 4, 5].map(rank => shownState({ state: 'sent', rank })),
    ['sent', 'sent', 'failed', 'delivered', 'read', 'played']
  )
  const name = () => 'wa_undeliverable'
  const failed = { state: 'sent' as const, rank: 2, code: null, failure: { code: 131026 } }
  t.match(failureOf(failed, 'en', name), { code: 'wa_undeliverable', metaCode: 131026, action: 'edit_number' })
  t.equal(failureOf({ ...failed, rank: 4 }, 'en', name), null)
  t.match(failureOf({ state: 'parked', rank: 0, code: 'wa_window_closed', failure: null }, 'en', name), {
    action: 'choose_template'
  })
  t.equal(receiptsPattern({ delivered: 4, read: 0 }), 'unknown')
  t.equal(receiptsPattern({ delivered: 5, read: 0 }), 'probably_off')
  t.equal(receiptsPattern({ delivered: 9, read: 1 }), 'on')
})

t.test('a pairing code is found in a note, whatever stands around it', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.string(), fc.string(), (bytes, before, after) => {
      const code = pairingCode(bytes)
      const note = `${before.replace(/puente/gi, '')} ${code.toLowerCase()} ${after.replace(/puente/gi, '')}`
      return codeInNote(note) === code
    })
  )
  t.equal(codeInNote('PUENTE-1234-ABCD'), null, 'no signs that are taken for each other')
  t.equal(codeInNote(null), null)
})

t.test('reserved uploads are replaced wherever they stand, and nothing else is', async t => {
  const components = [
    { type: 'header' as const, parameters: [{ type: 'image', image: { id: uploadId(0) } }] },
    {
      type: 'carousel' as const,
      cards: [
        {
          card_index: 0,
          components: [{ type: 'header' as const, parameters: [{ type: 'video', video: { id: uploadId(1) } }] }]
        }
      ]
    },
    { type: 'body' as const, parameters: [{ type: 'text', text: uploadId(0) }] }
  ]
  const filled = withUploads(
    components,
    new Map([
      [uploadId(0), '111'],
      [uploadId(1), '222']
    ])
  )
  t.match(filled, [
    { parameters: [{ image: { id: '111' } }] },
    { cards: [{ components: [{ parameters: [{ video: { id: '222' } }] }] }] },
    { parameters: [{ text: uploadId(0) }] }
  ])
  t.ok(isInstructionSource(instructionSource('x')))
  t.notOk(isInstructionSource('puente.note.x'))
  t.notOk(isInstructionSource(null))
})

t.test('S73: composed parts on Meta’s wire', async t => {
  const send = (part: Parameters<typeof toSendBody>[0]['part']) =>
    toSendBody({ to: { phone: '+34600000001' }, part, reference: 'r' })
  t.match(
    send({ kind: 'url_button', body: 'b', header: 'h', footer: 'f', buttonText: 'Go', url: 'https://x.example' }),
    {
      type: 'interactive',
      interactive: {
        type: 'cta_url',
        header: { type: 'text', text: 'h' },
        footer: { text: 'f' },
        action: { name: 'cta_url', parameters: { display_text: 'Go', url: 'https://x.example' } }
      }
    }
  )
  t.match(send({ kind: 'reaction', target: 'wamid.1', emoji: '' }), {
    type: 'reaction',
    reaction: { message_id: 'wamid.1', emoji: '' }
  })
  t.same(send({ kind: 'location', latitude: 1, longitude: 2 }).location, { latitude: 1, longitude: 2 })
  t.same(send({ kind: 'media', type: 'image', mediaId: '', link: 'https://x.example/a.png', caption: 'c' }).image, {
    link: 'https://x.example/a.png',
    caption: 'c'
  })
  const filled = { name: 'n', language: 'es', components: [{ type: 'body' as const, parameters: [] }] }
  t.same(send({ kind: 'template', template: filled }).template, {
    name: 'n',
    language: { code: 'es' },
    components: [{ type: 'body', parameters: [] }]
  })
})

t.test('a bucket empties, refuses with a time to wait, and fills again', async t => {
  let nowMs = 0
  const buckets = createBuckets(() => nowMs)
  const rule = { perSecond: 1, most: 3 }
  for (let n = 0; n < 3; n++) buckets.take('a', rule)
  t.throws(() => buckets.take('a', rule), { code: 'too_many_requests', retryAfterSeconds: 1 })
  t.doesNotThrow(() => buckets.take('b', rule), 'others are not held up')
  nowMs = 1_100
  t.doesNotThrow(() => buckets.take('a', rule))
  t.throws(() => buckets.take('a', rule))
})
