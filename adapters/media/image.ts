/**
 * Brings pictures into the two forms that WhatsApp takes: JPEG and PNG, 8 bit RGB(A), not too large. Metadata (where a
 * photo was taken) does not survive a conversion. Leaves out animations: their first picture stands for them.
 */
import { readFile, rm, stat } from 'node:fs/promises'
import type { Sharp, default as SharpFactory } from 'sharp'
import type { Prepared, Refused, StickerFacts } from '../../plugin/core/ports/media-tools.ts'
import { decodeBmp } from './bmp.ts'
import {
  IMAGE_INPUT_MAX_BYTES,
  IMAGE_MAX_BYTES,
  IMAGE_TIMEOUT_MS,
  PIXELS_MAX,
  STICKER_ANIMATED_MAX_BYTES,
  STICKER_SIDE_PIXELS,
  STICKER_STILL_MAX_BYTES
} from './limits.ts'
import { PackageMissing, refuseMissing } from './optional.ts'
import { sniffFile } from './sniff.ts'
import { callWorker, type WorkerCall, WorkerFailed, type WorkerReply } from './worker-call.ts'

type SharpPackage = typeof SharpFactory

export interface ImageTools {
  load(name: string): Promise<unknown>
  /** A path for a new file. */
  newFile(ext: string): string
  /** Keeps running conversions, so that they can be ended. */
  running: Set<WorkerCall<WorkerReply>>
}

/** Damaged pictures, of whatever kind. */
const DAMAGED: Refused = { refused: 'media_unsupported', facts: { reason: 'damaged' } }

const CONVERTIBLE = new Set([
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/gif',
  'image/avif',
  'image/tiff',
  'image/heic',
  'image/bmp'
])

/** Qualities in the order they are tried; then the picture is made smaller. */
const QUALITIES = [88, 80, 70, 60]
const SHRINK = 0.7
const MOST_SHRINKS = 10

export async function prepareImage(
  tools: ImageTools,
  path: string,
  maxBytes = IMAGE_MAX_BYTES
): Promise<Prepared | Refused> {
  return withSharp(tools, async sharp => {
    const { size } = await stat(path)
    const { mime } = await sniffFile(path)
    if (!CONVERTIBLE.has(mime)) return { refused: 'media_unsupported', facts: { mime } }
    if (mime === 'image/jpeg' || mime === 'image/png') {
      const facts = await open(sharp, path).metadata()
      const isPlain = facts.space === 'srgb' && facts.depth === 'uchar' && facts.isPalette !== true
      if (isPlain && size <= maxBytes) return { path, mime, sizeBytes: size, changed: 'none' }
    }
    const source = await openAny(tools, sharp, path, mime, size)
    if ('refused' in source) return source
    const to = mime === 'image/png' || (await hasTransparency(source.open())) ? 'png' : 'jpeg'
    return write(tools, source, to, maxBytes)
  })
}

/** Converts in any case; a PNG that would be too large becomes a JPEG on white. */
export async function convertImage(
  tools: ImageTools,
  path: string,
  options: { to: 'jpeg' | 'png'; maxBytes?: number }
): Promise<Prepared | Refused> {
  return withSharp(tools, async sharp => {
    const { mime } = await sniffFile(path)
    if (!CONVERTIBLE.has(mime)) return { refused: 'media_unsupported', facts: { mime } }
    const source = await openAny(tools, sharp, path, mime, (await stat(path)).size)
    if ('refused' in source) return source
    return write(tools, source, options.to, options.maxBytes ?? IMAGE_MAX_BYTES)
  })
}

export async function inspectSticker(tools: ImageTools, path: string): Promise<StickerFacts | Refused> {
  return withSharp(tools, async sharp => {
    const { size: sizeBytes } = await stat(path)
    const { mime } = await sniffFile(path)
    if (!mime.startsWith('image/') || !CONVERTIBLE.has(mime)) return { refused: 'media_unsupported', facts: { mime } }
    const facts = await open(sharp, path).metadata()
    const animated = (facts.pages ?? 1) > 1
    const width = facts.width
    const height = facts.pageHeight ?? facts.height
    const isSquare = width === STICKER_SIDE_PIXELS && height === STICKER_SIDE_PIXELS
    const limit = animated ? STICKER_ANIMATED_MAX_BYTES : STICKER_STILL_MAX_BYTES
    return { mime, animated, width, height, sizeBytes, fits: mime === 'image/webp' && isSquare && sizeBytes <= limit }
  })
}

interface Source {
  open(): Sharp
  isAnimated: boolean
}

async function withSharp<T>(
  tools: ImageTools,
  work: (sharp: SharpPackage) => Promise<T | Refused>
): Promise<T | Refused> {
  try {
    const sharp = (await tools.load('sharp')) as SharpPackage
    // One picture at a time in one thread: the desk's messages matter more than a picture's speed.
    sharp.concurrency(1)
    sharp.cache(false)
    return await work(sharp)
  } catch (error) {
    if (error instanceof PackageMissing) return refuseMissing(error.packageName)
    if (error instanceof WorkerFailed && error.reason !== 'stopped')
      return { refused: 'media_unsupported', facts: { reason: error.reason } }
    if (error instanceof WorkerFailed) throw error
    const { code, message } = error as NodeJS.ErrnoException
    // The disk's errors carry a code; those of the decoders only a sentence.
    if (code !== undefined) throw error
    if (/pixel limit/i.test(message))
      return { refused: 'media_too_large', facts: { reason: 'too_many_pixels', pixelsMax: PIXELS_MAX } }
    return DAMAGED
  }
}

function open(sharp: SharpPackage, input: string): Sharp {
  return sharp(input, { limitInputPixels: PIXELS_MAX, sequentialRead: true })
}

async function openAny(
  tools: ImageTools,
  sharp: SharpPackage,
  path: string,
  mime: string,
  sizeBytes: number
): Promise<Source | Refused> {
  if (sizeBytes > IMAGE_INPUT_MAX_BYTES) {
    return { refused: 'media_too_large', facts: { sizeBytes, limitBytes: IMAGE_INPUT_MAX_BYTES } }
  }
  if (mime === 'image/heic') return openHeic(tools, sharp, path)
  if (mime === 'image/bmp') {
    const picture = decodeBmp(await readFile(path), PIXELS_MAX)
    if (!picture) return DAMAGED
    const raw = { width: picture.width, height: picture.height, channels: 3 as const }
    return { open: () => sharp(picture.data, { raw }), isAnimated: false }
  }
  const { pages } = await open(sharp, path).metadata()
  return { open: () => open(sharp, path).autoOrient(), isAnimated: (pages ?? 1) > 1 && mime !== 'image/tiff' }
}

/** sharp is built without HEVC, which is patented; the decoder in WASM is a package of its own. */
async function openHeic(tools: ImageTools, sharp: SharpPackage, path: string): Promise<Source | Refused> {
  const call = callWorker('heic-worker', { path, pixelsMax: PIXELS_MAX }, IMAGE_TIMEOUT_MS)
  tools.running.add(call)
  const reply = await call.answer.finally(() => tools.running.delete(call))
  if ('missing' in reply) return refuseMissing(reply.missing)
  if ('unreadable' in reply) {
    if (reply.unreadable !== 'too_many_pixels') return DAMAGED
    return { refused: 'media_too_large', facts: { reason: reply.unreadable, pixelsMax: PIXELS_MAX } }
  }
  const { width, height, data } = reply.done as { width: number; height: number; data: Uint8ClampedArray }
  // libheif has already turned the picture the right way up.
  return { open: () => sharp(data, { raw: { width, height, channels: 4 } }), isAnimated: false }
}

async function hasTransparency(picture: Sharp): Promise<boolean> {
  const { hasAlpha, channels } = await picture.metadata()
  if (!hasAlpha && channels !== 4) return false
  return !(await picture.stats()).isOpaque
}

async function write(
  tools: ImageTools,
  source: Source,
  to: 'jpeg' | 'png',
  maxBytes: number
): Promise<Prepared | Refused> {
  const lost = source.isAnimated ? { lost: 'animation' as const } : {}
  if (to === 'png') {
    const path = tools.newFile('png')
    const sizeBytes = await finish(
      path,
      source.open().toColourspace('srgb').png({ compressionLevel: 7, palette: false })
    )
    if (sizeBytes <= maxBytes) return { path, mime: 'image/png', sizeBytes, changed: 'converted', ...lost }
    await rm(path, { force: true })
  }
  const path = tools.newFile('jpg')
  const { width, height, autoOrient } = await source.open().metadata()
  const longest = Math.max(autoOrient?.width ?? width, autoOrient?.height ?? height)
  let sizeBytes = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < QUALITIES.length + MOST_SHRINKS; attempt++) {
    const quality = QUALITIES[Math.min(attempt, QUALITIES.length - 1)]!
    const side = Math.round(longest * SHRINK ** Math.max(0, attempt - QUALITIES.length + 1))
    if (side < 1) break
    let picture = source.open()
    if (side < longest) picture = picture.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    sizeBytes = await finish(path, picture.flatten({ background: '#ffffff' }).toColourspace('srgb').jpeg({ quality }))
    if (sizeBytes <= maxBytes) return { path, mime: 'image/jpeg', sizeBytes, changed: 'converted', ...lost }
  }
  await rm(path, { force: true })
  return { refused: 'media_too_large', facts: { sizeBytes, limitBytes: maxBytes } }
}

async function finish(path: string, picture: Sharp): Promise<number> {
  try {
    return (await picture.toFile(path)).size
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}
