// Three seconds of MP3 made in the browser, as an agent's recorder would attach: silent MPEG-1 Layer III frames.
// Valid for every decoder, although nothing is heard; the picture of how a voice note travels is what matters.

const frameBytes = 417
const frames = 115

/** 44.1 kHz, 128 kbit/s, mono: each frame is its header and side information of zeros. */
export function makeSilentMp3(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frameBytes * frames)
  for (let at = 0; at < bytes.length; at += frameBytes) bytes.set([0xff, 0xfb, 0x90, 0xc4], at)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary)
}
