/**
 * Message, media, call and trace ids that never recur: they are made from instance, epoch (one per start or reset)
 * and a counter, not from the seed, because an id met twice would be taken for a redelivery.
 */
import { createHash } from 'node:crypto'

export interface GraphIds {
  /** `inbound` ids carry 0x12, `outbound` 0x11, as Meta's do. */
  wamid(party: string, direction: 'inbound' | 'outbound'): string
  wacid(party: string): string
  media(): string
  numeric(prefix: string): string
  trace(): string
}

export function createGraphIds(instance: string, epoch: string): GraphIds {
  let n = 0
  const salt = `${instance}:${epoch}:`
  const fresh = () =>
    createHash('sha1')
      .update(salt + ++n)
      .digest()
  function wrap(party: string, mark: number, hex: string): string {
    const who = Buffer.from(party.slice(0, 40), 'latin1')
    const id = Buffer.from(hex, 'latin1')
    return Buffer.concat([
      Buffer.from([0x1c, 0x18, who.length]),
      who,
      Buffer.from([0x15, 0x02, 0x00, mark, 0x18, id.length]),
      id,
      Buffer.from([0])
    ]).toString('base64')
  }
  const numeric = (prefix: string) => prefix + (fresh().readBigUInt64BE(0) % 10n ** 14n).toString().padStart(14, '0')
  return {
    wamid: (party, direction) =>
      `wamid.${wrap(party, direction === 'inbound' ? 0x12 : 0x11, fresh().toString('hex').slice(0, 20).toUpperCase())}`,
    wacid: party => `wacid.${wrap(party, 0x12, fresh().toString('hex').slice(0, 32).toUpperCase())}`,
    media: () => numeric('6'),
    numeric,
    trace: () => `A${fresh().toString('base64url').slice(0, 21)}`
  }
}
