import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { signHook, verifyHookSignature } from '../../adapters/chatwoot/signature.ts'

interface Vector {
  secret: string
  headers: Record<string, string>
  raw_body_utf8: string
}

function readVector(name: string) {
  const vector = JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${name}`, import.meta.url), 'utf8')) as Vector
  const headers = Object.fromEntries(Object.entries(vector.headers).map(([key, value]) => [key.toLowerCase(), value]))
  const timestamp = headers['x-chatwoot-timestamp']!
  return {
    raw: Buffer.from(vector.raw_body_utf8),
    timestamp,
    signature: headers['x-chatwoot-signature']!,
    secret: vector.secret,
    now: new Date(Number(timestamp) * 1000)
  }
}

for (const name of ['signature-vector.json', 'recorded-4.16.2/signature-vector.json']) {
  t.test(`${name}: the genuine hook is valid, anything changed is not`, async t => {
    const proof = readVector(name)
    t.equal(verifyHookSignature(proof), 'valid')
    const other = Buffer.from(proof.raw)
    other[other.length - 2]! ^= 1
    t.equal(verifyHookSignature({ ...proof, raw: other }), 'invalid')
    t.equal(verifyHookSignature({ ...proof, raw: Buffer.concat([proof.raw, Buffer.from('\n')]) }), 'invalid')
    t.equal(verifyHookSignature({ ...proof, secret: `${proof.secret}x` }), 'invalid')
    t.equal(verifyHookSignature({ ...proof, timestamp: String(Number(proof.timestamp) + 1) }), 'invalid')
    const parsed = JSON.stringify(JSON.parse(proof.raw.toString()))
    t.equal(verifyHookSignature({ ...proof, raw: Buffer.from(parsed) }), 'invalid', 'escapes of the raw bytes count')
  })
}

t.test('an old or early signature is stale, not invalid; a wrong one is never stale', async t => {
  const proof = readVector('signature-vector.json')
  const at = (seconds: number) => new Date((Number(proof.timestamp) + seconds) * 1000)
  t.equal(verifyHookSignature({ ...proof, now: at(300) }), 'valid')
  t.equal(verifyHookSignature({ ...proof, now: at(301) }), 'stale')
  t.equal(verifyHookSignature({ ...proof, now: at(-301) }), 'stale')
  t.equal(verifyHookSignature({ ...proof, now: at(31), toleranceSeconds: 30 }), 'stale')
  t.equal(verifyHookSignature({ ...proof, now: at(86_400), secret: 'other' }), 'invalid')
})

t.test('missing and misshapen headers are invalid', async t => {
  const proof = readVector('signature-vector.json')
  const hex = proof.signature.slice('sha256='.length)
  for (const signature of [
    undefined,
    '',
    hex,
    `sha1=${hex}`,
    'sha256=',
    `sha256=${hex}00`,
    `sha256=${hex.slice(2)}zz`
  ]) {
    t.equal(verifyHookSignature({ ...proof, signature }), 'invalid', String(signature))
  }
  for (const timestamp of [undefined, '', 'now', '-1', '1e9', `${proof.timestamp}.0`, ` ${proof.timestamp}`]) {
    t.equal(verifyHookSignature({ ...proof, timestamp }), 'invalid', String(timestamp))
  }
  t.equal(verifyHookSignature({ ...proof, signature: signHook(proof.raw, proof.timestamp, ''), secret: '' }), 'invalid')
  t.equal(verifyHookSignature({ ...proof, signature: proof.signature.toUpperCase().replace('SHA', 'sha') }), 'valid')
})

t.test('whatever we sign as Chatwoot does is valid', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.string({ minLength: 1 }),
      fc.integer({ min: 0, max: 4e9 }),
      (raw, secret, seconds) => {
        const timestamp = String(seconds)
        const signature = signHook(raw, timestamp, secret)
        return verifyHookSignature({ raw, timestamp, signature, secret, now: new Date(seconds * 1000) }) === 'valid'
      }
    )
  )
})
