/** Decodes uncompressed BMP pictures (8, 24 and 32 bit), which sharp cannot read. Leaves out run-length packed ones. */

export interface RawPicture {
  width: number
  height: number
  /** RGB, three bytes a pixel, from the top. */
  data: Buffer
}

/** Undefined when it is not a BMP of these kinds, damaged, or has more than `pixelsMax` pixels. */
export function decodeBmp(file: Buffer, pixelsMax: number): RawPicture | undefined {
  if (file.length < 54 || file.toString('latin1', 0, 2) !== 'BM') return undefined
  const pixelsAt = file.readUInt32LE(10)
  const headerBytes = file.readUInt32LE(14)
  const width = file.readInt32LE(18)
  const rows = file.readInt32LE(22)
  const bits = file.readUInt16LE(28)
  const compression = file.readUInt32LE(30)
  const height = Math.abs(rows)
  const isPlain = compression === 0 || (compression === 3 && bits === 32)
  if (headerBytes < 40 || !isPlain || ![8, 24, 32].includes(bits)) return undefined
  if (width <= 0 || height === 0 || width * height > pixelsMax) return undefined
  const stride = Math.ceil((width * bits) / 32) * 4
  if (pixelsAt + stride * height > file.length) return undefined
  const palette = file.subarray(14 + headerBytes, pixelsAt)
  const data = Buffer.alloc(width * height * 3)
  const step = bits / 8
  for (let y = 0; y < height; y++) {
    // Rows are stored from the bottom unless the height is negative.
    let from = pixelsAt + stride * (rows < 0 ? y : height - 1 - y)
    let to = y * width * 3
    for (let x = 0; x < width; x++, from += step, to += 3) {
      const source = bits === 8 ? palette : file
      const at = bits === 8 ? file[from]! * 4 : from
      data[to] = source[at + 2] ?? 0
      data[to + 1] = source[at + 1] ?? 0
      data[to + 2] = source[at] ?? 0
    }
  }
  return { width, height, data }
}
