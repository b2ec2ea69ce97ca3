/**
 * Pairing by a private note: the page shows a code, the agent writes it as a private note in that very conversation, and
 * the desk's signed hook proves who wrote it. Pure: codes and their recognition.
 */

/** Without letters and digits that are taken for each other. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const CODE = /PUENTE-[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}/

/** How long a code waits for its note. */
export const PAIRING_MS = 5 * 60_000

/** `bytes`: at least eight random ones. */
export function pairingCode(bytes: Uint8Array): string {
  const signs = [...bytes.subarray(0, 8)].map(byte => ALPHABET[byte % ALPHABET.length])
  return `PUENTE-${signs.slice(0, 4).join('')}-${signs.slice(4).join('')}`
}

/** The code in a note, whatever stands around it; null when there is none. */
export function codeInNote(content: string | null): string | null {
  return CODE.exec((content ?? '').toUpperCase())?.[0] ?? null
}
