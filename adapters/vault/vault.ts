/**
 * Sealing of secrets, raw payloads and held content: AES-256-GCM under a key that lives outside the database.
 * Leaves out where sealed bytes are kept, and the finding of the master key (`master-key.ts`).
 *
 * Layout of a sealed buffer: version (1 byte) · key id (4, big endian) · nonce (12) · tag (16) · cipher text.
 * Version, key id and the caller's context are authenticated with it, so that a row cannot be moved to another place.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { PuenteError } from '../../plugin/core/errors.ts'

export interface VaultKey {
  /** 0 … 4294967295; written into everything that the key seals, so never give an id to another key. */
  id: number
  /** 32 bytes. */
  key: Buffer
}

export interface Vault {
  /** The id of the key that seals from now on. */
  readonly currentKeyId: number
  /** Seals with the current key. `context` says what and whose it is (for example `event:whatsapp`); opening needs the same. */
  seal(plain: Buffer, context: string): Buffer
  /** Opens with whichever known key sealed it. Throws `vault_unreadable` when altered, moved or of an unknown key. */
  open(sealed: Buffer, context: string): Buffer
  /** As `seal`, for a text column: base64url. */
  sealText(plain: string, context: string): string
  openText(sealed: string, context: string): string
  /** True when another than the current key sealed it: open and seal it again before that key is retired. */
  isStale(sealed: Buffer | string): boolean
  /**
   * Seals under a key of its own, itself sealed as `itemKey`. Forgetting `itemKey` makes the content unreadable for
   * good, also in backups of the content (the discarding of held messages).
   */
  sealApart(plain: Buffer, context: string): { sealed: Buffer; itemKey: Buffer }
  openApart(sealed: Buffer, itemKey: Buffer, context: string): Buffer
}

const VERSION = 1
const HEAD_BYTES = 5
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** How many bytes a sealed buffer is longer than its plain one. */
export const SEAL_OVERHEAD_BYTES = HEAD_BYTES + NONCE_BYTES + TAG_BYTES
const KEY_BYTES = 32

/** @throws PuenteError `config_invalid` for a key of wrong length, a repeated id, or a current id without its key. */
export function createVault(options: { keys: readonly VaultKey[]; current: number }): Vault {
  const keys = new Map<number, Buffer>()
  for (const { id, key } of options.keys) {
    if (!Number.isInteger(id) || id < 0 || id > 0xffffffff) throw invalidKey(id, 'key ids are whole numbers from 0')
    if (key.length !== KEY_BYTES) throw invalidKey(id, 'a master key has 32 bytes')
    if (keys.has(id)) throw invalidKey(id, 'two keys have the same id')
    keys.set(id, Buffer.from(key))
  }
  const currentKey = keys.get(options.current)
  if (!currentKey) throw invalidKey(options.current, 'the current key is not among the keys')
  const nextNonce = createNonces()

  function sealWith(key: Buffer, keyId: number, plain: Buffer, context: string): Buffer {
    const sealed = Buffer.allocUnsafe(SEAL_OVERHEAD_BYTES + plain.length)
    sealed[0] = VERSION
    sealed.writeUInt32BE(keyId, 1)
    const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES)
    nextNonce(nonce)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(boundData(sealed, context))
    cipher.update(plain).copy(sealed, SEAL_OVERHEAD_BYTES)
    cipher.final()
    cipher.getAuthTag().copy(sealed, HEAD_BYTES + NONCE_BYTES)
    return sealed
  }

  function openWith(key: Buffer, sealed: Buffer, context: string): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES), {
      authTagLength: TAG_BYTES
    })
    decipher.setAAD(boundData(sealed, context))
    decipher.setAuthTag(sealed.subarray(HEAD_BYTES + NONCE_BYTES, SEAL_OVERHEAD_BYTES))
    const plain = decipher.update(sealed.subarray(SEAL_OVERHEAD_BYTES))
    try {
      decipher.final()
    } catch (cause) {
      throw unreadable('altered_or_other_context', sealed.readUInt32BE(1), cause)
    }
    return plain
  }

  function open(sealed: Buffer, context: string): Buffer {
    const keyId = readKeyId(sealed)
    const key = keys.get(keyId)
    if (!key) throw unreadable('unknown_key', keyId)
    return openWith(key, sealed, context)
  }

  const seal = (plain: Buffer, context: string) => sealWith(currentKey, options.current, plain, context)

  return {
    currentKeyId: options.current,
    seal,
    open,
    sealText: (plain, context) => seal(Buffer.from(plain, 'utf8'), context).toString('base64url'),
    openText: (sealed, context) => open(Buffer.from(sealed, 'base64url'), context).toString('utf8'),
    isStale: sealed => {
      const head = typeof sealed === 'string' ? Buffer.from(sealed, 'base64url') : sealed
      return readKeyId(head) !== options.current
    },
    sealApart: (plain, context) => {
      const own = randomFillSync(Buffer.alloc(KEY_BYTES))
      try {
        return { sealed: sealWith(own, 0, plain, context), itemKey: seal(own, `item-key:${context}`) }
      } finally {
        own.fill(0)
      }
    },
    openApart: (sealed, itemKey, context) => {
      const own = open(itemKey, `item-key:${context}`)
      readKeyId(sealed)
      return openWith(own, sealed, context)
    }
  }
}

function readKeyId(sealed: Buffer): number {
  if (sealed.length < SEAL_OVERHEAD_BYTES) throw unreadable('too_short')
  if (sealed[0] !== VERSION) throw unreadable('unknown_version')
  return sealed.readUInt32BE(1)
}

/** What is authenticated beside the content: the head, so that version and key id cannot be swapped, and the context. */
function boundData(sealed: Buffer, context: string): Buffer {
  return Buffer.concat([sealed.subarray(0, HEAD_BYTES), Buffer.from(context, 'utf8')])
}

/** Random nonces, drawn in bulk because a draw of its own per item costs as much as the sealing of a small text. */
function createNonces(): (target: Buffer) => void {
  const pool = Buffer.alloc(NONCE_BYTES * 256)
  let used = pool.length
  return target => {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    pool.copy(target, 0, used, used + NONCE_BYTES)
    used += NONCE_BYTES
  }
}

function unreadable(reason: string, keyId?: number, cause?: unknown): PuenteError {
  return new PuenteError('vault_unreadable', { facts: { reason, keyId }, cause })
}

function invalidKey(keyId: number, reason: string): PuenteError {
  return new PuenteError('config_invalid', { facts: { setting: 'PUENTE_MASTER_KEY', keyId, reason } })
}
