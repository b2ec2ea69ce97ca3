/**
 * Says what a file is: by its content first, by its name or the sender's claim only where the content leaves it open.
 * Leaves out whether WhatsApp takes it.
 */
import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type'
import type { SniffedFile } from '../../plugin/core/ports/media-tools.ts'

const HEAD_BYTES = 8192

/** Kinds that are text, or whose container does not tell the kind. By file extension. */
const BY_NAME: Record<string, string> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  html: 'text/html',
  htm: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  json: 'application/json',
  xml: 'application/xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  vcf: 'text/vcard',
  ics: 'text/calendar',
  eml: 'message/rfc822',
  svg: 'image/svg+xml',
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
  msg: 'application/vnd.ms-outlook'
}
const EXT_BY_MIME = new Map(
  Object.entries(BY_NAME)
    .map(([ext, mime]) => [mime, ext] as const)
    .reverse()
)
const OLD_OFFICE = new Set(['doc', 'xls', 'ppt', 'msg'])

/** Names that differ between the sniffing library and what Meta, browsers and the desk say. */
const USUAL: Record<string, { mime: string; ext: string }> = {
  'audio/x-m4a': { mime: 'audio/mp4', ext: 'm4a' },
  'audio/vnd.wave': { mime: 'audio/wav', ext: 'wav' },
  'audio/wav': { mime: 'audio/wav', ext: 'wav' },
  'video/x-m4v': { mime: 'video/mp4', ext: 'mp4' },
  'image/heic': { mime: 'image/heic', ext: 'heic' },
  'image/heif': { mime: 'image/heic', ext: 'heic' },
  'image/heic-sequence': { mime: 'image/heic', ext: 'heic' },
  'image/heif-sequence': { mime: 'image/heic', ext: 'heic' },
  'image/apng': { mime: 'image/png', ext: 'png' },
  'audio/opus': { mime: 'audio/ogg; codecs=opus', ext: 'ogg' },
  'audio/ogg; codecs=opus': { mime: 'audio/ogg; codecs=opus', ext: 'ogg' }
}

/** Containers that hold sound or moving pictures; which of the two, the claim may tell better than the container. */
const SOUND_OR_PICTURES: Record<string, string> = {
  'video/webm': 'audio/webm',
  'video/mp4': 'audio/mp4',
  'video/3gpp': 'audio/3gpp',
  'video/matroska': 'audio/webm'
}

/** @param source a path, or the bytes (their beginning is enough for most kinds) */
export async function sniffFile(source: string | Buffer, claim?: string, fileName?: string): Promise<SniffedFile> {
  const declared = claim?.toLowerCase().split(';')[0]?.trim() || undefined
  const nameExt = fileName ? extname(fileName).slice(1).toLowerCase() : ''
  const found = await (typeof source === 'string' ? fileTypeFromFile(source) : fileTypeFromBuffer(source))
  if (found?.mime === 'application/x-cfb') return sniffOldOffice(nameExt, declared)
  if (found && found.mime !== 'application/xml') {
    const mime = found.mime.toLowerCase()
    const sound = SOUND_OR_PICTURES[mime]
    if (sound && declared === sound) return { mime: sound, ext: found.ext === 'mp4' ? 'm4a' : found.ext, by: 'content' }
    return { ...(USUAL[mime] ?? { mime, ext: found.ext }), by: 'content' }
  }
  const head = await readHead(source)
  if (isText(head)) return sniffText(head.toString('utf8'), nameExt, declared)
  const byName = BY_NAME[nameExt]
  if (byName && !isTextKind(byName)) return { mime: byName, ext: nameExt, by: 'name' }
  if (declared && !isTextKind(declared) && declared !== 'application/octet-stream') {
    return { mime: declared, ext: nameExt, by: 'declared' }
  }
  return { mime: 'application/octet-stream', ext: nameExt, by: 'nothing' }
}

function sniffOldOffice(nameExt: string, declared: string | undefined): SniffedFile {
  if (OLD_OFFICE.has(nameExt)) return { mime: BY_NAME[nameExt]!, ext: nameExt, by: 'name' }
  const ext = declared && EXT_BY_MIME.get(declared)
  if (ext && OLD_OFFICE.has(ext)) return { mime: declared, ext, by: 'declared' }
  return { mime: 'application/x-cfb', ext: 'cfb', by: 'content' }
}

function sniffText(head: string, nameExt: string, declared: string | undefined): SniffedFile {
  const start = head.replace(/^\uFEFF/, '').trimStart()
  if (/^BEGIN:VCARD/i.test(start)) return { mime: 'text/vcard', ext: 'vcf', by: 'content' }
  if (/^BEGIN:VCALENDAR/i.test(start)) return { mime: 'text/calendar', ext: 'ics', by: 'content' }
  if (/^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i.test(start)) {
    return { mime: 'image/svg+xml', ext: 'svg', by: 'content' }
  }
  if (/^<(?:!doctype html|html)[\s>]/i.test(start)) return { mime: 'text/html', ext: 'html', by: 'content' }
  const byName = BY_NAME[nameExt]
  if (byName && isTextKind(byName)) return { mime: byName, ext: nameExt, by: 'name' }
  if (/^<\?xml\s/i.test(start)) return { mime: 'application/xml', ext: 'xml', by: 'content' }
  const byClaim = declared && EXT_BY_MIME.get(declared)
  if (byClaim && isTextKind(declared)) return { mime: declared, ext: byClaim, by: 'declared' }
  return { mime: 'text/plain', ext: 'txt', by: 'content' }
}

function isTextKind(mime: string): boolean {
  return mime.startsWith('text/') || /^(application\/(json|xml|yaml)|message\/rfc822|image\/svg\+xml)$/.test(mime)
}

async function readHead(source: string | Buffer): Promise<Buffer> {
  if (typeof source !== 'string') return source.subarray(0, HEAD_BYTES)
  const file = await open(source, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** UTF-8 without control characters other than those of layout; the last character may be cut. An empty file is none. */
function isText(head: Buffer): boolean {
  if (head.length === 0) return false
  let end = head.length
  // A character of several bytes may begin within the last three.
  for (let back = 1; back <= 3 && back <= head.length; back++) {
    const byte = head[head.length - back]!
    if ((byte & 0xc0) === 0xc0) {
      end = head.length - back
      break
    }
    if ((byte & 0x80) === 0) break
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(0, end))
    return !/[\u0000-\u0008\u000E-\u001A\u001C-\u001F]/.test(text)
  } catch {
    return false
  }
}
