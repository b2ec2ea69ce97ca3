/** `{{1}}` and `{{first_name}}` in a text of Meta: finding them and cutting the text there. Knows no template. */

const SLOT = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/g

/** Keys of the slots of a text, each once: numbers ascending (as Meta counts them), names as they come. */
export function slotKeys(text: string): string[] {
  const keys = [...new Set([...text.matchAll(SLOT)].map(found => found[1]!))]
  return keys.every(key => /^\d+$/.test(key)) ? keys.sort((a, b) => Number(a) - Number(b)) : keys
}

/** The stretches of a text, in order: words, and slots by their key. */
export function splitSlots(text: string): ({ words: string } | { key: string })[] {
  const pieces: ({ words: string } | { key: string })[] = []
  let at = 0
  for (const found of text.matchAll(SLOT)) {
    if (found.index > at) pieces.push({ words: text.slice(at, found.index) })
    pieces.push({ key: found[1]! })
    at = found.index + found[0].length
  }
  if (at < text.length) pieces.push({ words: text.slice(at) })
  return pieces
}

/** True when double braces remain that are no slot: such a text cannot be filled. */
export function hasBraces(text: string): boolean {
  return text.replace(SLOT, '').includes('{{')
}
