// Any picture as the WebP that WhatsApp takes for a still sticker: 512 × 512 with clear margins, at most 100 KB. What the
// browser cannot read or write stays as it is, and the server says what it wants. WebP goes as it is: it may move.

const sidePx = 512
const mostBytes = 100 * 1024

const encode = (canvas: HTMLCanvasElement, quality: number): Promise<Blob | null> =>
  new Promise(resolve => canvas.toBlob(resolve, 'image/webp', quality))

export async function toSticker(file: File): Promise<File> {
  if (file.type === 'image/webp') return file
  try {
    const picture = await createImageBitmap(file)
    const scale = Math.min(sidePx / picture.width, sidePx / picture.height)
    const [width, height] = [picture.width * scale, picture.height * scale]
    const canvas = document.createElement('canvas')
    canvas.width = sidePx
    canvas.height = sidePx
    canvas.getContext('2d')?.drawImage(picture, (sidePx - width) / 2, (sidePx - height) / 2, width, height)
    for (const quality of [0.9, 0.7, 0.5, 0.3]) {
      const made = await encode(canvas, quality)
      if (made?.type !== 'image/webp') break
      if (made.size <= mostBytes) return new File([made], file.name.replace(/\.\w+$/, '.webp'), { type: made.type })
    }
  } catch {
    // No picture that this browser knows.
  }
  return file
}
