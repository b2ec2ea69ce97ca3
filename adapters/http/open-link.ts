/**
 * Opens a file at an address that a person typed: public addresses only (checked at the moment of connecting, also after
 * each redirect), no credentials, bounded in time. Whoever reads the stream bounds its size.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import { type HttpClient, HttpFailure, type HttpStreamAnswer } from './types.ts'

const MAX_REDIRECTS = 5
/** A lane waits for it; 16 MB on a slow line. */
const LINK_TIMEOUT_MS = 60_000

export interface OpenedLink {
  stream: NodeJS.ReadableStream
  name?: string
  /** As told by the server; its content decides. */
  mimeType?: string
  sizeBytes?: number
}

/** Fails with `media_origin` (not public) or `media_unfetched`. `mediaOrigins` may be private: the admin named them. */
export function createOpenLink(
  http: HttpClient,
  { mediaOrigins = [] }: { mediaOrigins?: readonly string[] }
): (address: string) => Promise<OpenedLink> {
  const allowed = new Set(mediaOrigins.flatMap(origin => (URL.canParse(origin) ? [new URL(origin).origin] : [])))

  return async function openLink(address) {
    let url = parse(address)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await open(url, !allowed.has(url.origin))
      if (answer.status < 300 || answer.status > 399) return describe(answer, url)
      answer.stream.destroy()
      url = parse(single(answer.headers['location']) ?? '', url)
    }
    throw new PuenteError('media_unfetched', { facts: { reason: 'too many redirects' } })
  }

  async function open(url: URL, onlyPublicAddresses: boolean): Promise<HttpStreamAnswer> {
    // Some servers answer nobody who does not say who they are.
    const headers = { accept: '*/*', 'user-agent': 'Puente' }
    try {
      return await http.open({ method: 'GET', url: url.href, headers, timeoutMs: LINK_TIMEOUT_MS, onlyPublicAddresses })
    } catch (failure) {
      if (!(failure instanceof HttpFailure)) throw failure
      if (failure.reason === 'prevented') throw new PuenteError('media_origin', { facts: { origin: url.origin } })
      throw new PuenteError('media_unfetched', { cause: failure, facts: { reason: failure.reason } })
    }
  }
}

function parse(address: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PuenteError('media_unfetched', { facts: { reason: 'no address' } })
  }
  url.username = ''
  url.password = ''
  return url
}

function describe({ status, headers, stream }: HttpStreamAnswer, url: URL): OpenedLink {
  if (status !== 200) {
    stream.destroy()
    throw new PuenteError('media_unfetched', { facts: { status } })
  }
  const opened: OpenedLink = { stream }
  const name = nameOf(url)
  const mimeType = single(headers['content-type'])?.split(';')[0]?.trim().toLowerCase()
  const length = single(headers['content-length'])
  if (name !== '') opened.name = name
  if (mimeType) opened.mimeType = mimeType
  // Of a compressed answer it is another length.
  if (length && /^\d+$/.test(length) && headers['content-encoding'] === undefined) opened.sizeBytes = Number(length)
  return opened
}

/** The last part of the path, fit to be shown and written. */
function nameOf(url: URL): string {
  const last = url.pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
      .replace(/[\p{Cc}/\\]/gu, '')
      .slice(-120)
  } catch {
    return ''
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
