/**
 * The built pages under `/app`: read once, kept in memory, compressed once. Hashed files may be cached for ever, pages
 * never. Only the configured desks may frame them, nothing is loaded from elsewhere, and there is no inline script.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Registry } from '../core/registry.ts'

export interface PagesDeps {
  registry: Registry
  /** As configured; empty: the origins of the connected desks. */
  chatwootOrigins: readonly string[]
  /** Where the build lies; found beside the code unless it is given. */
  folder?: string
}

interface Kept {
  plain: Buffer
  gzip: Buffer | null
  brotli: Buffer | null
  type: string
  etag: string
  hashed: boolean
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8'
}
const COMPRESSED = new Set(['.html', '.js', '.css', '.json', '.svg', '.txt'])
/** What the build names by its content. */
const HASHED = /^assets\/.+-[\w-]{8,}\.\w+$/
/** Pages in windows of their own. */
const UNFRAMED = new Set(['admin.html'])
const YEAR_SECONDS = 31_536_000
/** Of 11: the first who opens a page waits for this, and the best takes many times as long for a little less. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }

export function addPages(scope: FastifyInstance, deps: PagesDeps): void {
  let loading: Promise<Map<string, Kept>> | null = null
  const files = (): Promise<Map<string, Kept>> => {
    loading ??= readFolder(deps.folder ?? builtFolder()).catch(error => {
      // A build that comes later is found at the next request.
      loading = null
      throw error
    })
    return loading
  }

  const send = async (request: FastifyRequest, reply: FastifyReply, name: string): Promise<unknown> => {
    const kept = (await files().catch(() => new Map<string, Kept>())).get(name)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    const framed = !UNFRAMED.has(name)
    reply.header('content-security-policy', policyFor(deps, framed))
    if (!framed) reply.header('x-frame-options', 'DENY')
    if (kept === undefined) {
      reply.header('cache-control', 'no-store')
      return reply
        .code(404)
        .type('text/plain; charset=utf-8')
        .send('This page is not here. Build it with npm run build.')
    }
    reply.header('etag', kept.etag)
    reply.header('cache-control', kept.hashed ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache')
    reply.header('vary', 'accept-encoding')
    if (request.headers['if-none-match'] === kept.etag) return reply.code(304).send()
    const accepted = String(request.headers['accept-encoding'] ?? '')
    reply.type(kept.type)
    if (kept.brotli !== null && /\bbr\b/.test(accepted)) {
      return reply.header('content-encoding', 'br').send(kept.brotli)
    }
    if (kept.gzip !== null && /\bgzip\b/.test(accepted)) {
      return reply.header('content-encoding', 'gzip').send(kept.gzip)
    }
    return reply.send(kept.plain)
  }

  scope.get<{ Params: { page: string } }>('/app/:page', { logLevel: 'warn' }, (request, reply) => {
    const { page } = request.params
    // A page goes by its name alone; its icon and the like by theirs.
    return send(request, reply, page.includes('.') ? page : `${page}.html`)
  })
  scope.get<{ Params: { '*': string } }>('/app/assets/*', { logLevel: 'warn' }, (request, reply) =>
    send(request, reply, `assets/${request.params['*']}`)
  )
}

/** `frame-ancestors` is what keeps foreign pages from framing the tab and borrowing an agent's clicks. */
function policyFor(deps: PagesDeps, framed: boolean): string {
  const desks = deps.registry.desks().map(desk => new URL(desk.url).origin)
  const origins = [...new Set(deps.chatwootOrigins.length > 0 ? deps.chatwootOrigins : desks)]
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // Pictures that an agent has just chosen are shown before they are uploaded.
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${framed && origins.length > 0 ? origins.join(' ') : "'none'"}`
  ].join('; ')
}

function builtFolder(): string {
  const here = path.dirname(fileURLToPath(import.meta.url))
  const root = import.meta.url.endsWith('.ts') ? path.join(here, '..', '..', 'dist') : path.join(here, '..', '..')
  return path.join(root, 'ui-extension')
}

async function readFolder(folder: string): Promise<Map<string, Kept>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = new Map<string, Kept>()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(folder, file).split(path.sep).join('/')
    const ending = path.extname(name)
    const type = TYPES[ending]
    if (type === undefined) continue
    const plain = await readFile(file)
    const shrinks = COMPRESSED.has(ending) && plain.length > 400
    found.set(name, {
      plain,
      gzip: shrinks ? await promisify(gzip)(plain, { level: 9 }) : null,
      brotli: shrinks ? await promisify(brotliCompress)(plain, BROTLI) : null,
      type,
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      hashed: HASHED.test(name)
    })
  }
  return found
}
