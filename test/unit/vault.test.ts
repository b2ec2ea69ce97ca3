import { randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadMasterKey } from '../../adapters/vault/master-key.ts'
import { createVault, SEAL_OVERHEAD_BYTES } from '../../adapters/vault/vault.ts'

const first = { id: 1, key: randomBytes(32) }
const second = { id: 2, key: randomBytes(32) }
const vault = createVault({ keys: [first], current: 1 })

t.test('what was sealed opens again, byte for byte and text for text', async t => {
  const bytesSurvive = () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.string({ unit: 'binary' }), (bytes, context) => {
        const plain = Buffer.from(bytes)
        const sealed = vault.seal(plain, context)
        return sealed.length === plain.length + SEAL_OVERHEAD_BYTES && vault.open(sealed, context).equals(plain)
      })
    )
  t.doesNotThrow(bytesSurvive)
  const textSurvives = () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        const sealed = vault.sealText(text, 'note')
        return /^[A-Za-z0-9_-]+$/.test(sealed) && vault.openText(sealed, 'note') === text
      })
    )
  t.doesNotThrow(textSurvives)
})

t.test('the plain text is not in the sealed bytes, and sealing twice gives different bytes', async t => {
  const plain = Buffer.from('the customer said something private')
  const sealed = vault.seal(plain, 'event')
  t.equal(sealed.includes(plain), false)
  t.not(sealed.toString('hex'), vault.seal(plain, 'event').toString('hex'))
  const nonces = new Set(Array.from({ length: 1000 }, () => vault.seal(plain, 'x').subarray(5, 17).toString('hex')))
  t.equal(nonces.size, 1000, 'no nonce is used twice')
})

t.test('any altered byte, a cut, or another context is unreadable', async t => {
  const sealed = vault.seal(Buffer.from('secret'), 'token:7')
  for (let at = 0; at < sealed.length; at++) {
    const altered = Buffer.from(sealed)
    altered[at] = altered[at]! ^ 1
    t.throws(() => vault.open(altered, 'token:7'), { code: 'vault_unreadable' }, `byte ${at}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    t.throws(() => vault.open(sealed.subarray(0, length), 'token:7'), { code: 'vault_unreadable' }, `cut at ${length}`)
  }
  t.throws(() => vault.open(sealed, 'token:8'), { code: 'vault_unreadable' })
  t.throws(() => vault.open(sealed, ''), { code: 'vault_unreadable' })
  t.throws(() => vault.openText('not sealed at all', 'token:7'), { code: 'vault_unreadable' })
})

t.test('after a rotation old content opens, new content uses the new key, and stale content is recognised', async t => {
  const old = vault.seal(Buffer.from('kept'), 'x')
  const rotated = createVault({ keys: [second, first], current: 2 })
  t.equal(rotated.open(old, 'x').toString(), 'kept')
  t.equal(rotated.isStale(old), true)
  const fresh = rotated.sealText('new', 'x')
  t.equal(rotated.isStale(fresh), false)
  t.throws(() => vault.openText(fresh, 'x'), { code: 'vault_unreadable', facts: { reason: 'unknown_key', keyId: 2 } })
  const imposter = createVault({ keys: [{ id: 1, key: randomBytes(32) }], current: 1 })
  t.throws(() => imposter.open(old, 'x'), { code: 'vault_unreadable' })
})

t.test('content with a key of its own cannot be read without that key, nor with that of another item', async t => {
  const held = vault.sealApart(Buffer.from('held text'), 'held:1')
  t.equal(vault.openApart(held.sealed, held.itemKey, 'held:1').toString(), 'held text')
  t.throws(
    () => vault.open(held.sealed, 'held:1'),
    { code: 'vault_unreadable' },
    'the master key alone does not open it'
  )
  const other = vault.sealApart(Buffer.from('other'), 'held:2')
  t.throws(() => vault.openApart(held.sealed, other.itemKey, 'held:1'), { code: 'vault_unreadable' })
  const sameContext = vault.sealApart(Buffer.from('other'), 'held:1')
  t.throws(() => vault.openApart(held.sealed, sameContext.itemKey, 'held:1'), { code: 'vault_unreadable' })
})

t.test('keys that cannot work are refused at once', async t => {
  t.throws(() => createVault({ keys: [{ id: 1, key: randomBytes(16) }], current: 1 }), { code: 'config_invalid' })
  t.throws(() => createVault({ keys: [first, { id: 1, key: second.key }], current: 1 }), { code: 'config_invalid' })
  t.throws(() => createVault({ keys: [first], current: 2 }), { code: 'config_invalid' })
  t.throws(() => createVault({ keys: [{ id: -1, key: first.key }], current: -1 }), { code: 'config_invalid' })
})

t.test('sealing a batch of 32 KB costs well under a millisecond', async t => {
  const batch = randomBytes(32 * 1024)
  for (let round = 0; round < 200; round++) vault.seal(batch, 'warm')
  const begun = process.hrtime.bigint()
  for (let round = 0; round < 500; round++) vault.seal(batch, 'events')
  const microseconds = Number(process.hrtime.bigint() - begun) / 1000 / 500
  t.comment(`${microseconds.toFixed(1)} µs`)
  t.ok(microseconds < 1000)
})

t.test('a master key is read as base64, base64url or hex', async t => {
  const key = randomBytes(32)
  for (const value of [
    key.toString('base64'),
    key.toString('base64url'),
    key.toString('hex'),
    ` ${key.toString('hex')}\n`
  ]) {
    const loaded = await loadMasterKey({ value })
    t.match(loaded, { source: 'value', current: 1, keys: [{ id: 1 }], warnings: [] })
    t.ok(loaded.keys[0]!.key.equals(key))
  }
  for (const value of ['short', `${key.toString('hex')}00`, `1:${key.toString('hex')},1:${key.toString('hex')}`]) {
    await t.rejects(loadMasterKey({ value }), { code: 'config_invalid' })
  }
  const error = await loadMasterKey({ value: 'my very secret words' }).catch((error: Error) => error)
  t.notMatch(JSON.stringify(error), /secret words/, 'a refused key is not repeated in the error')
  await t.rejects(loadMasterKey({}), { code: 'config_invalid' })
  await t.rejects(loadMasterKey({ value: '  ' }), { code: 'config_invalid' })
})

t.test('several keys: the first seals, all open', async t => {
  const value = `7:${second.key.toString('base64')},1:${first.key.toString('hex')}`
  const { keys, current } = await loadMasterKey({ value })
  t.equal(current, 7)
  t.equal(createVault({ keys, current }).openText(vault.sealText('still here', 'x'), 'x'), 'still here')
})

t.test('the first start makes a key file that only the owner may read, and later starts use it', async t => {
  const dir = join(t.testdir(), 'data')
  const made = await Promise.all(Array.from({ length: 5 }, () => loadMasterKey({ createIn: dir })))
  t.equal(made.filter(each => each.source === 'created').length, 1, 'made once by five starts at the same time')
  t.equal(new Set(made.map(each => each.keys[0]!.key.toString('hex'))).size, 1, 'and they all have the same key')
  const path = made[0]!.path!
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.strictSame(readdirSync(dir), ['master.key'], 'no draft stays behind')
  const before = readFileSync(path, 'utf8')
  const again = await loadMasterKey({ createIn: dir })
  t.match(again, { source: 'file', warnings: [] })
  t.equal(readFileSync(path, 'utf8'), before)
})

t.test('a key file that others may read is used, with a warning; one that is missing is an error', async t => {
  const dir = t.testdir()
  const path = join(dir, 'given.key')
  writeFileSync(path, `${first.key.toString('base64')}\n`)
  chmodSync(path, 0o644)
  t.match(await loadMasterKey({ file: path }), { source: 'file', warnings: ['file_readable_by_others'] })
  chmodSync(path, 0o600)
  t.match(await loadMasterKey({ file: path }), { warnings: [] })
  await t.rejects(loadMasterKey({ file: join(dir, 'nothing.key') }), { code: 'config_invalid' })
})
