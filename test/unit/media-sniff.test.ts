import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import t from 'tap'
import { sniffFile } from '../../adapters/media/sniff.ts'
import { makeWav } from '../support/audio.ts'
import { TONE_MP3, TWO_HALVES_HEIC } from '../support/media-samples.ts'

const square = sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } })

t.test('the content decides, whatever name and claim say', async t => {
  const png = await square.clone().png().toBuffer()
  const lie = ['application/pdf', 'invoice.pdf'] as const
  t.strictSame(await sniffFile(png, ...lie), { mime: 'image/png', ext: 'png', by: 'content' })
  t.match(await sniffFile(await square.clone().jpeg().toBuffer(), ...lie), { mime: 'image/jpeg', ext: 'jpg' })
  t.match(await sniffFile(await square.clone().webp().toBuffer(), ...lie), { mime: 'image/webp', ext: 'webp' })
  t.match(await sniffFile(TWO_HALVES_HEIC, ...lie), { mime: 'image/heic', ext: 'heic' })
  t.match(await sniffFile(TONE_MP3, ...lie), { mime: 'audio/mpeg', ext: 'mp3' })
  const wav = makeWav({ sampleRate: 8000, channels: 1, bits: 16, seconds: 0.1, hertz: 440 })
  t.match(await sniffFile(wav, ...lie), { mime: 'audio/wav', ext: 'wav' })
  t.match(await sniffFile(Buffer.from('%PDF-1.7\n%âãÏÓ\n')), { mime: 'application/pdf', ext: 'pdf' })
})

t.test('it reads from a path as well', async t => {
  const path = join(t.testdir(), 'anything')
  writeFileSync(path, TONE_MP3)
  t.match(await sniffFile(path), { mime: 'audio/mpeg' })
  writeFileSync(path, 'hello')
  t.match(await sniffFile(path, undefined, 'a.csv'), { mime: 'text/csv', ext: 'csv', by: 'name' })
  await t.rejects(sniffFile(`${path}.missing`), { code: 'ENOENT' })
})

t.test('text is told from bytes, and its kind by what it begins with, its name, or the claim', async t => {
  const text = (content: string, claim?: string, name?: string) => sniffFile(Buffer.from(content), claim, name)
  t.match(await text('Hola, ¿qué tal? 👋'), { mime: 'text/plain', ext: 'txt', by: 'content' })
  t.match(await text('a;b\n1;2', undefined, 'PRICES.CSV'), { mime: 'text/csv', ext: 'csv', by: 'name' })
  t.match(await text('a;b\n1;2', 'text/csv; charset=utf-8'), { mime: 'text/csv', by: 'declared' })
  t.match(await text('{"a":1}', undefined, 'x.json'), { mime: 'application/json' })
  t.match(await text('BEGIN:VCARD\r\nVERSION:3.0', undefined, 'x.txt'), { mime: 'text/vcard', ext: 'vcf' })
  t.match(await text('BEGIN:VCALENDAR\r\n'), { mime: 'text/calendar', ext: 'ics' })
  t.match(await text('\uFEFF<!DOCTYPE html><p>', undefined, 'x.txt'), { mime: 'text/html' })
  t.match(await text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/png', 'x.png'), {
    mime: 'image/svg+xml'
  })
  t.match(await text('<?xml version="1.0"?><note/>'), { mime: 'application/xml' })
  t.match(await text('plain words', 'image/png', 'x.png'), { mime: 'text/plain' }, 'text never passes for a picture')
})

t.test('a text that is cut within a character is still text', async t => {
  const long = Buffer.from(`${'a'.repeat(8190)}👋${'b'.repeat(100)}`)
  t.match(await sniffFile(long), { mime: 'text/plain' })
})

t.test('old Office files and unknown bytes go by name, then by claim', async t => {
  const cfb = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(1024)])
  t.match(await sniffFile(cfb, undefined, 'offer.XLS'), { mime: 'application/vnd.ms-excel', ext: 'xls' })
  t.match(await sniffFile(cfb, 'application/msword'), { mime: 'application/msword', ext: 'doc' })
  t.match(await sniffFile(cfb, undefined, 'x.pdf'), { mime: 'application/x-cfb' })
  const unknown = Buffer.from([0, 1, 2, 3, 0xff, 0xfe, 0, 9])
  t.match(await sniffFile(unknown), { mime: 'application/octet-stream', ext: '', by: 'nothing' })
  t.match(await sniffFile(unknown, 'application/x-special', 'a.spc'), { mime: 'application/x-special', by: 'declared' })
  t.match(await sniffFile(unknown, 'text/plain'), { mime: 'application/octet-stream' }, 'bytes never pass for text')
  t.match(await sniffFile(Buffer.alloc(0)), { mime: 'application/octet-stream', by: 'nothing' })
})

t.test('no bytes, claim or name upset it', async t => {
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 300 }),
    fc.option(fc.string(), { nil: undefined }),
    fc.option(fc.string(), { nil: undefined }),
    async (bytes, claim, name) => {
      const { mime, ext } = await sniffFile(Buffer.from(bytes), claim, name)
      return typeof mime === 'string' && mime.length > 0 && typeof ext === 'string'
    }
  )
  await t.resolves(fc.assert(property, { numRuns: 300 }))
})
