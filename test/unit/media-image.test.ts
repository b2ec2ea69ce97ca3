import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { convertImage } from '../../adapters/media/image.ts'
import { createMediaTools } from '../../adapters/media/index.ts'
import { loadPackage, PackageMissing } from '../../adapters/media/optional.ts'
import { isRefused, type Prepared, type Refused } from '../../plugin/core/ports/media-tools.ts'
import { TWO_HALVES_HEIC } from '../support/media-samples.ts'

function setUp(t: Test, load = loadPackage) {
  const dir = t.testdir()
  const tempDir = join(dir, 'temp')
  const put = (name: string, content: Buffer) => {
    const path = join(dir, name)
    writeFileSync(path, content)
    return path
  }
  return { dir, tempDir, put, tools: createMediaTools({ tempDir, load }) }
}

function listFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => entry.name)
}

function must(result: Prepared | Refused): Prepared {
  if (isRefused(result)) throw new Error(`refused: ${JSON.stringify(result)}`)
  return result
}

/** The colour in the middle of the left and of the right half. */
async function readHalves(path: string): Promise<{ left: number[]; right: number[]; width: number; height: number }> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number) => {
    const from = (Math.floor(info.height / 2) * info.width + x) * info.channels
    return [...data.subarray(from, from + info.channels)]
  }
  return { left: at(info.width >> 2), right: at((info.width * 3) >> 2), width: info.width, height: info.height }
}

function isClose(seen: number[], wanted: number[], tolerance = 24): boolean {
  return seen.length === wanted.length && seen.every((value, at) => Math.abs(value - wanted[at]!) <= tolerance)
}

/** Left red, right blue, with the given opacity on the right. */
function halves(width: number, height: number, rightAlpha = 255) {
  const data = Buffer.alloc(width * height * 4)
  for (let at = 0; at < width * height; at++) {
    const isLeft = at % width < width / 2
    data.set(isLeft ? [220, 30, 30, 255] : [20, 30, 210, rightAlpha], at * 4)
  }
  return sharp(data, { raw: { width, height, channels: 4 } })
}

const RED = [220, 30, 30]
const BLUE = [20, 30, 210]

function makeNoise(width: number, height: number) {
  const data = Buffer.alloc(width * height * 3)
  let seed = 7
  for (let at = 0; at < data.length; at++) {
    seed = (seed + 0x6d2b79f5) | 0
    const mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    data[at] = (mixed ^ (mixed >>> 14)) & 0xff
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
}

t.test('what WhatsApp takes stays as it is', async t => {
  const { put, tools, tempDir } = setUp(t)
  const jpeg = put('a.jpg', await halves(40, 20).removeAlpha().jpeg().toBuffer())
  t.strictSame(await tools.prepareImage(jpeg), {
    path: jpeg,
    mime: 'image/jpeg',
    sizeBytes: statSync(jpeg).size,
    changed: 'none'
  })
  const png = put('a.png', await halves(40, 20, 100).png().toBuffer())
  t.match(await tools.prepareImage(png), { path: png, mime: 'image/png', changed: 'none' })
  t.strictSame(listFiles(tempDir), [])
})

t.test('S74: WebP, AVIF, TIFF, GIF, BMP and HEIC become JPEG with the same picture', async t => {
  const { put, tools, tempDir } = setUp(t)
  const opaque = () => halves(96, 64).removeAlpha()
  const bmp = Buffer.alloc(54 + 96 * 64 * 3)
  bmp.write('BM', 'latin1')
  bmp.writeUInt32LE(bmp.length, 2)
  bmp.writeUInt32LE(54, 10)
  bmp.writeUInt32LE(40, 14)
  bmp.writeInt32LE(96, 18)
  bmp.writeInt32LE(64, 22)
  bmp.writeUInt16LE(1, 26)
  bmp.writeUInt16LE(24, 28)
  for (let at = 0; at < 96 * 64; at++) bmp.set(at % 96 < 48 ? [30, 30, 220] : [210, 30, 20], 54 + at * 3)
  const files: Record<string, Buffer> = {
    webp: await opaque().webp().toBuffer(),
    avif: await opaque().avif().toBuffer(),
    tiff: await opaque().tiff().toBuffer(),
    gif: await opaque().gif().toBuffer(),
    heic: TWO_HALVES_HEIC,
    bmp
  }
  for (const [kind, content] of Object.entries(files)) {
    const made = must(await tools.prepareImage(put(`a.${kind}`, content)))
    t.match(made, { mime: 'image/jpeg', changed: 'converted', sizeBytes: statSync(made.path).size }, kind)
    t.equal(made.lost, undefined)
    t.match(await sharp(made.path).metadata(), { format: 'jpeg', space: 'srgb', channels: 3 })
    const seen = await readHalves(made.path)
    t.ok(isClose(seen.left, RED) && isClose(seen.right, BLUE), `${kind}: ${seen.left} ${seen.right}`)
    t.match(seen, { width: 96, height: 64 })
    t.ok(made.path.startsWith(tempDir))
  }
})

t.test('a see-through picture becomes PNG and stays see-through', async t => {
  const { put, tools } = setUp(t)
  const made = must(
    await tools.prepareImage(put('a.webp', await halves(40, 20, 0).webp({ lossless: true }).toBuffer()))
  )
  t.match(made, { mime: 'image/png', changed: 'converted' })
  const seen = await readHalves(made.path)
  t.ok(isClose(seen.left, [...RED, 255]))
  t.equal(seen.right[3], 0)
})

t.test('PNG of 16 bit, with a palette or grey, and JPEG in CMYK, become 8 bit RGB', async t => {
  const { put, tools } = setUp(t)
  const deep = await halves(40, 20).removeAlpha().toColourspace('rgb16').png().toBuffer()
  t.equal((await sharp(deep).metadata()).depth, 'ushort', 'the sample is what it should be')
  const files: [string, Buffer, string, number[]][] = [
    ['deep.png', deep, 'image/png', RED],
    ['palette.png', await halves(40, 20).removeAlpha().png({ palette: true }).toBuffer(), 'image/png', RED],
    ['grey.png', await halves(40, 20).removeAlpha().toColourspace('b-w').png().toBuffer(), 'image/png', []],
    ['cmyk.jpg', await halves(40, 20).removeAlpha().toColourspace('cmyk').jpeg().toBuffer(), 'image/jpeg', []]
  ]
  for (const [name, content, mime, left] of files) {
    const made = must(await tools.prepareImage(put(name, content)))
    t.match(made, { mime, changed: 'converted' }, name)
    t.match(await sharp(made.path).metadata(), { depth: 'uchar', space: 'srgb', channels: 3, isPalette: false }, name)
    if (left.length > 0) t.ok(isClose((await readHalves(made.path)).left, left), name)
  }
})

t.test(
  'a PNG over the limit becomes a JPEG under it, and is made smaller where quality alone does not help',
  async t => {
    const { put, tools } = setUp(t)
    const path = put('noise.png', await makeNoise(1500, 1200).png().toBuffer())
    t.ok(statSync(path).size > 5 * 1024 * 1024)
    const made = must(await tools.prepareImage(path))
    t.match(made, { mime: 'image/jpeg', changed: 'converted' })
    t.ok(made.sizeBytes <= 5 * 1024 * 1024)
    t.match(await sharp(made.path).metadata(), { width: 1500, height: 1200 }, 'in full size')
    const small = must(await tools.prepareImage(path, { maxBytes: 60_000 }))
    t.ok(small.sizeBytes <= 60_000)
    const { width, height } = await sharp(small.path).metadata()
    t.ok(width < 1500 && Math.abs(width / height - 1.25) < 0.02, 'smaller, in the same shape')
    t.match(await tools.prepareImage(path, { maxBytes: 100 }), {
      refused: 'media_too_large',
      facts: { limitBytes: 100 }
    })
  }
)

t.test('a photo on its side stands upright after the conversion, without its place', async t => {
  const { put, tools } = setUp(t)
  const turned = await halves(80, 40)
    .removeAlpha()
    .withExif({ IFD0: { Orientation: '6' }, IFD3: { GPSLatitude: '40/1 26/1 46/1' } })
    .tiff()
    .toBuffer()
  const made = must(
    await tools.prepareImage(put('a.tiff', await sharp(turned).withMetadata({ orientation: 6 }).tiff().toBuffer()))
  )
  const facts = await sharp(made.path).metadata()
  t.match(facts, { width: 40, height: 80 })
  t.equal(facts.orientation ?? 1, 1)
  t.equal(facts.exif, undefined)
})

t.test('of an animation the first picture stays, and that is said', async t => {
  const { put, tools } = setUp(t)
  const frames = [RED, BLUE].map(([r, g, b]) => ({
    create: { width: 32, height: 32, channels: 3 as const, background: { r: r!, g: g!, b: b! } }
  }))
  const pages = await Promise.all(frames.map(frame => sharp(frame).png().toBuffer()))
  const gif = await sharp(pages, { join: { animated: true } })
    .gif({ delay: [100, 100] })
    .toBuffer()
  const made = must(await tools.prepareImage(put('a.gif', gif)))
  t.match(made, { mime: 'image/jpeg', changed: 'converted', lost: 'animation' })
  t.ok(isClose((await readHalves(made.path)).left, RED))
  const webp = await sharp(pages, { join: { animated: true } })
    .webp()
    .toBuffer()
  t.match(await tools.inspectSticker(put('a.webp', webp)), { animated: true, width: 32, height: 32, fits: false })
})

t.test('a sticker is recognised by kind, side and size', async t => {
  const { put, tools } = setUp(t)
  const good = put('good.webp', await halves(512, 512, 0).webp().toBuffer())
  t.match(await tools.inspectSticker(good), {
    mime: 'image/webp',
    animated: false,
    width: 512,
    height: 512,
    fits: true
  })
  t.match(await tools.inspectSticker(put('png', await halves(512, 512).png().toBuffer())), { fits: false })
  t.match(await tools.inspectSticker(put('oblong', await halves(512, 256).webp().toBuffer())), { fits: false })
  const heavy = await makeNoise(512, 512).webp({ quality: 100 }).toBuffer()
  t.match(await tools.inspectSticker(put('heavy', heavy)), { fits: false, sizeBytes: heavy.length })
  t.match(await tools.inspectSticker(put('text', Buffer.from('words'))), { refused: 'media_unsupported' })
})

t.test('damaged, foreign and oversized pictures are refused with a reason, and leave nothing behind', async t => {
  const { put, tools, tempDir } = setUp(t)
  const webp = await makeNoise(200, 200).webp().toBuffer()
  const damaged = { refused: 'media_unsupported', facts: { reason: 'damaged' } }
  t.match(await tools.prepareImage(put('cut.webp', webp.subarray(0, 300))), damaged)
  t.match(await tools.prepareImage(put('cut.heic', TWO_HALVES_HEIC.subarray(0, 200))), damaged)
  const bytes = put('a.pdf', Buffer.from('%PDF-1.7\n'))
  t.match(await tools.prepareImage(bytes), { refused: 'media_unsupported', facts: { mime: 'application/pdf' } })
  const svg = put('a.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))
  t.match(await tools.prepareImage(svg), { refused: 'media_unsupported', facts: { mime: 'image/svg+xml' } })
  const huge = sharp({
    create: { width: 9000, height: 9000, channels: 3, background: '#fff' },
    limitInputPixels: false
  })
  const bomb = put('bomb.webp', await huge.webp({ effort: 0 }).toBuffer())
  t.match(await tools.prepareImage(bomb), { refused: 'media_too_large', facts: { reason: 'too_many_pixels' } })
  await t.rejects(tools.prepareImage(`${bomb}.missing`), { code: 'ENOENT' }, 'a missing file is not the format’s fault')
  t.strictSame(listFiles(tempDir), [])
})

t.test('without the optional package the refusal names it', async t => {
  const { put, tools } = setUp(t, async name => {
    throw new PackageMissing(name, new Error('not installed'))
  })
  const refusal = { refused: 'converter_missing', facts: { package: 'sharp' } }
  t.match(await tools.prepareImage(put('a.webp', await halves(8, 8).webp().toBuffer())), refusal)
  await t.rejects(loadPackage('puente-has-no-such-package'), { name: 'PackageMissing' })
})

t.test('convertImage goes to the asked kind in any case', async t => {
  const { put, dir } = setUp(t)
  let count = 0
  const newFile = (ext: string) => join(dir, `out-${++count}.${ext}`)
  const tools = { load: loadPackage, newFile, running: new Set<never>() }
  const path = put('a.png', await halves(40, 20, 0).png().toBuffer())
  const jpeg = must(await convertImage(tools, path, { to: 'jpeg' }))
  t.equal(jpeg.mime, 'image/jpeg')
  t.ok(isClose((await readHalves(jpeg.path)).right, [255, 255, 255]), 'see-through becomes white')
  t.equal(must(await convertImage(tools, path, { to: 'png' })).mime, 'image/png')
})
