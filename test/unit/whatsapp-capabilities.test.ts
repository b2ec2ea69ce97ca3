/** What becomes of a file on its way to WhatsApp, and the rules that carry a date. */
import fc from 'fast-check'
import t from 'tap'
import { CAPABILITIES, normaliseMime, planMedia } from '../../plugin/core/capabilities.ts'
import { RULES, scaleTimes, TIMES } from '../../plugin/core/rules.ts'

const MIB = 1024 * 1024
const plan = (mime: string, megabytes = 1, rest: { name?: string; voiceHint?: boolean } = {}) =>
  planMedia({ mime, sizeBytes: Math.round(megabytes * MIB), name: 'file', ...rest })

t.test('S73: what WhatsApp takes goes as what it is', async t => {
  for (const mime of ['image/jpeg', 'image/png'])
    t.strictSame(plan(mime, 5), { type: 'image', mimeType: mime, captionLimit: 1024 })
  for (const mime of ['video/mp4', 'video/3gpp'])
    t.strictSame(plan(mime, 16), { type: 'video', mimeType: mime, captionLimit: 1024 })
  for (const mime of ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg']) {
    t.strictSame(plan(mime, 16), { type: 'audio', mimeType: mime, captionLimit: 0 })
  }
  for (const mime of ['application/pdf', 'text/plain', 'application/zip']) {
    t.strictSame(plan(mime, 100), { type: 'document', mimeType: mime, captionLimit: 1024 })
  }
})

t.test('S74: what it does not take is converted, or goes as a document', async t => {
  for (const mime of ['image/heic', 'image/webp', 'image/avif', 'image/tiff'])
    t.match(plan(mime), { type: 'image', convert: 'image', mimeType: 'image/jpeg' })
  t.match(plan('image/png', 6), { type: 'image', convert: 'image' }, 'a picture that is too large is made smaller')
  t.match(plan('image/jpeg', 60), { type: 'document', asDocument: true }, 'a huge one is not read into memory')
  t.match(plan('image/gif'), { type: 'document', asDocument: true }, 'a GIF keeps its motion')
  t.match(plan('video/mp4', 17), { type: 'document', asDocument: true })
  t.match(plan('video/quicktime'), { type: 'document', asDocument: true })
  t.match(plan('audio/wav'), { type: 'audio', convert: 'voice', mimeType: 'audio/ogg' })
  t.match(plan('audio/mpeg', 17), { type: 'document', asDocument: true })
  t.match(plan('audio/midi'), { type: 'document', asDocument: true })
})

t.test('voice messages become OGG/Opus, and only they', async t => {
  t.match(plan('audio/mpeg', 1, { voiceHint: true }), {
    type: 'audio',
    convert: 'voice',
    voice: true,
    mimeType: 'audio/ogg'
  })
  t.strictSame(plan('audio/ogg; codecs=opus', 1, { voiceHint: true }), {
    type: 'audio',
    mimeType: 'audio/ogg',
    captionLimit: 0,
    voice: true
  })
  t.notOk('voice' in plan('audio/ogg'))
})

t.test('too large and empty files are refused with the limit', async t => {
  t.strictSame(plan('application/pdf', 101), { refusal: 'media_too_large', limitBytes: 100 * MIB })
  t.strictSame(plan('video/mp4', 101), { refusal: 'media_too_large', limitBytes: 100 * MIB })
  t.match(plan('application/pdf', 0), { refusal: 'media_unsupported' })
  t.match(planMedia({ mime: 'image/png', sizeBytes: Number.NaN, name: '' }), { refusal: 'media_unsupported' })
})

t.test('other names of a type and missing types are understood', async t => {
  t.equal(normaliseMime('Image/JPG'), 'image/jpeg')
  t.equal(normaliseMime('audio/x-m4a'), 'audio/mp4')
  t.equal(normaliseMime('audio/opus'), 'audio/ogg')
  t.equal(normaliseMime('', 'Report.PDF'), 'application/pdf')
  t.equal(normaliseMime('application/octet-stream', 'a.heic'), 'image/heic')
  t.equal(normaliseMime('application/octet-stream', 'a.constructor'), 'application/octet-stream')
  t.equal(normaliseMime(''), 'application/octet-stream')
})

t.test('property: any file is either planned within the limits of its kind or refused', async t => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom('image/', 'audio/', 'video/', ''),
      fc.nat(200 * MIB),
      fc.string(),
      fc.boolean(),
      (tail, family, sizeBytes, name, voiceHint) => {
        const planned = planMedia({ mime: family + tail, sizeBytes, name, voiceHint })
        if ('refusal' in planned) return sizeBytes === 0 || sizeBytes > CAPABILITIES.kinds.document.maxBytes
        return planned.convert !== undefined || sizeBytes <= CAPABILITIES.kinds[planned.type].maxBytes
      }
    )
  )
  t.pass()
})

t.test('every rule says when and where it was read', async t => {
  for (const [name, rule] of Object.entries(RULES)) {
    t.match(rule.asOf, /^\d{4}-\d{2}-\d{2}$/, name)
    t.ok(rule.source.length > 5, name)
  }
  t.match(RULES.graphVersion.value, /^v\d+\.0$/)
  t.ok(CAPABILITIES.asOf && CAPABILITIES.source)
})

t.test(
  'times keep their order: leases outlive attempts, settling outlives the desk’s calls, memory outlives redelivery',
  async t => {
    t.ok(TIMES.attemptDeadlineMs < TIMES.laneLeaseMs)
    t.ok(TIMES.deskSettleMs > TIMES.deskCallMs)
    t.ok(TIMES.uncertainWaitMs < TIMES.uncertainToldMs)
    t.ok(TIMES.dedupeMs > RULES.webhookRetryDays.value * 24 * 3600 * 1000)
    const tenth = scaleTimes(0.1)
    t.equal(tenth.laneLeaseMs, 3000)
    t.same(Object.keys(tenth), Object.keys(TIMES))
  }
)
