/**
 * Opens an attachment of the desk (contract/chatwoot §5.4, CW-FILES): a permanent address of the desk that redirects to
 * its storage. Goes nowhere else, so that nobody can make Puente read addresses of its own network; never sends the
 * token.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess, HelpDesk } from '../../plugin/core/ports/help-desk.ts'
import { type HttpClient, HttpFailure, type HttpStreamAnswer } from '../http/types.ts'
import { nameFromUrl, safeFileName } from './read-message.ts'

const MAX_REDIRECTS = 5
const FILE_TIMEOUT_MS = 5 * 60_000

export interface FileAccessOptions {
  /** Origins that the desk and its storage may use besides the desk's own, for example `http://minio:9000`. */
  mediaOrigins?: readonly string[]
}

export function createOpenFile(http: HttpClient, { mediaOrigins = [] }: FileAccessOptions): HelpDesk['openFile'] {
  const allowed = new Set(mediaOrigins.map(originOf).filter(origin => origin !== undefined))

  function isTrusted(access: DeskAccess, url: URL): boolean {
    return url.origin === originOf(access.url) || allowed.has(url.origin)
  }

  return async function openFile(access, address) {
    let url = parse(address)
    if (!isTrusted(access, url)) throw refused(url)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await open(http, url, !isTrusted(access, url))
      if (answer.status < 300 || answer.status > 399) return describe(answer, address)
      answer.stream.destroy()
      const next = parse(single(answer.headers.location) ?? '', url)
      // The desk may send us to its storage on the internet; a storage sends us nowhere but back.
      const toStorage = redirects === 0 && next.protocol === 'https:'
      if (!isTrusted(access, next) && !toStorage) throw refused(next)
      url = next
    }
    throw new PuenteError('media_unfetched', { facts: { reason: 'too many redirects' } })
  }
}

async function open(http: HttpClient, url: URL, onlyPublicAddresses: boolean): Promise<HttpStreamAnswer> {
  try {
    return await http.open({ method: 'GET', url: url.href, timeoutMs: FILE_TIMEOUT_MS, onlyPublicAddresses })
  } catch (failure) {
    if (!(failure instanceof HttpFailure)) throw failure
    if (failure.reason === 'prevented') throw refused(url)
    throw new PuenteError('media_unfetched', { cause: failure, facts: { reason: failure.reason } })
  }
}

function describe(answer: HttpStreamAnswer, address: string): Awaited<ReturnType<HelpDesk['openFile']>> {
  const { status, headers, stream } = answer
  if (status !== 200) {
    stream.destroy()
    // Storage addresses expire after five minutes, asking the desk again gives a new one; a deleted file is 404
    // (CW-FILE-GONE).
    if (status !== 404 && status !== 410) throw new PuenteError('media_unfetched', { facts: { status } })
    throw new PuenteError('desk_not_found', { facts: { status, what: 'file' } })
  }
  const name = nameFromDisposition(single(headers['content-disposition'])) ?? nameFromUrl(address)
  const mimeType = single(headers['content-type'])?.split(';')[0]?.trim().toLowerCase()
  const length = single(headers['content-length'])
  return {
    stream,
    ...(name ? { name } : {}),
    ...(mimeType ? { mimeType } : {}),
    ...(length && /^\d+$/.test(length) ? { sizeBytes: Number(length) } : {})
  }
}

/** RFC 6266: `filename*` wins over `filename`. */
function nameFromDisposition(header: string | undefined): string | null {
  if (!header) return null
  const extended = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1]
  if (extended) {
    try {
      return safeFileName(decodeURIComponent(extended))
    } catch {
      // Badly encoded: the plain one may still do.
    }
  }
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header)
  const name = plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]
  return name ? safeFileName(name) : null
}

function parse(address: string, base?: URL): URL {
  if (!URL.canParse(address, base?.href)) {
    throw new PuenteError('media_unfetched', { remedy: 'never', facts: { reason: 'no address' } })
  }
  const url = new URL(address, base)
  url.username = ''
  url.password = ''
  return url
}

function originOf(address: string): string | undefined {
  const origin = URL.canParse(address) ? new URL(address).origin : 'null'
  return origin === 'null' ? undefined : origin
}

function refused(url: URL): PuenteError {
  return new PuenteError('media_origin', { facts: { origin: url.origin } })
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
