/** Signatures of webhooks, the handshake, and the proof of the app secret. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import {
  prepareSecrets,
  proveAppSecret,
  signBody,
  verifyHandshake,
  verifySignature
} from '../../adapters/whatsapp-cloud/signature.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/whatsapp/${name}.json`, import.meta.url), 'utf8'))
const { app_secret: secret, vectors } = read('signature-test-vectors') as {
  app_secret: string
  vectors: { name: string; raw_body: string; x_hub_signature_256: string }[]
}

t.test('both ways of writing a body verify over their own bytes', async t => {
  t.equal(vectors.length, 2)
  for (const { name, raw_body, x_hub_signature_256: header } of vectors) {
    const raw = Buffer.from(raw_body)
    t.ok(verifySignature(raw, header, [secret]), name)
    t.ok(verifySignature(raw, header, prepareSecrets([secret])), `${name}, prepared`)
  }
  const [escaped, plain] = vectors
  t.notOk(verifySignature(Buffer.from(escaped!.raw_body), plain!.x_hub_signature_256, [secret]))
  const rewritten = Buffer.from(JSON.stringify(JSON.parse(escaped!.raw_body)))
  t.notOk(verifySignature(rewritten, escaped!.x_hub_signature_256, [secret]), 'a new serialisation is another body')
})

t.test('several secrets are accepted during a rotation, an empty one never', async t => {
  const raw = Buffer.from('{}')
  const header = signBody(raw, 'new')
  t.ok(verifySignature(raw, header, ['old', 'new']))
  t.ok(verifySignature(raw, header, prepareSecrets(['', 'new', 'old'])))
  t.notOk(verifySignature(raw, header, ['old', 'other']))
  t.notOk(verifySignature(raw, header, []))
  t.notOk(verifySignature(raw, signBody(raw, ''), ['']))
  t.same(prepareSecrets(['', '']), [])
})

t.test('malformed headers are refused', async t => {
  const raw = Buffer.from('body')
  const good = signBody(raw, secret)
  const digest = good.slice(7)
  const bad = [
    undefined,
    '',
    'sha256=',
    digest,
    `sha1=${digest.slice(0, 40)}`,
    `SHA256=${digest}`,
    `sha256=${digest.toUpperCase()}`,
    `sha256=${digest.slice(0, 62)}`,
    `sha256=${digest}00`,
    `sha256= ${digest}`,
    ` ${good}`,
    `${good}\n`,
    `sha256=${'z'.repeat(64)}`
  ]
  for (const header of bad) t.notOk(verifySignature(raw, header, [secret]), String(header))
  t.ok(verifySignature(raw, good, [secret]))
})

t.test('property: one changed bit in body, signature or secret is found', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.nat(7), (bytes, at, bit) => {
      const raw = Buffer.from(bytes)
      const header = signBody(raw, secret)
      const changed = Buffer.from(raw)
      changed[at % raw.length]! ^= 1 << bit
      const digit = 7 + (at % 64)
      const other = header[digit] === '0' ? '1' : '0'
      const forged = header.slice(0, digit) + other + header.slice(digit + 1)
      return (
        verifySignature(raw, header, [secret]) &&
        !verifySignature(changed, header, [secret]) &&
        !verifySignature(raw, forged, [secret]) &&
        !verifySignature(raw, header, [`${secret}x`])
      )
    })
  )
  t.pass()
})

t.test('the handshake gives the challenge back, and only to the right token', async t => {
  const { query, expect } = read('verification-handshake')
  t.equal(verifyHandshake(query, 'my-verify-token'), expect.body)
  t.equal(verifyHandshake(query, ['other', 'my-verify-token']), expect.body)
  t.equal(verifyHandshake(query, 'wrong'), null)
  t.equal(verifyHandshake(query, ''), null)
  t.equal(verifyHandshake(query, []), null)
  t.equal(verifyHandshake({ ...query, 'hub.mode': 'unsubscribe' }, 'my-verify-token'), null)
  t.equal(verifyHandshake({ ...query, 'hub.verify_token': ['my-verify-token'] }, 'my-verify-token'), null)
  t.equal(verifyHandshake({ ...query, 'hub.verify_token': '' }, ''), null)
  t.equal(verifyHandshake({ ...query, 'hub.challenge': undefined }, 'my-verify-token'), null)
  t.equal(verifyHandshake({}, 'my-verify-token'), null)
})

t.test('the proof of the app secret is the HMAC of the token', async t => {
  t.equal(proveAppSecret('token', 'secret'), 'e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a')
})
