/** Serves the built sandbox page from its folder. Only files found there at the start are served, nothing by path. */
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { extname, join, relative } from 'node:path'
import { answerText } from './wire.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.ico': 'image/x-icon'
}

const NO_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Puente sandbox</title>
<body style="font:16px system-ui;margin:3rem;max-width:40rem"><h1>Puente sandbox</h1>
<p>The stand-ins are running; the page itself was not built. Doors: <a href="/__phone">/__phone</a>,
<a href="/__desk-view">/__desk-view</a>, <a href="/__ledger">/__ledger</a>, <a href="/__faults">/__faults</a>,
<a href="/__config">/__config</a>.</p></body></html>`

export interface StaticPage {
  /** True when the path was the page's. */
  serve(method: string, pathname: string, res: ServerResponse): boolean
}

export function createStaticPage(dir: string | undefined): StaticPage {
  const files = new Map<string, { path: string; bytes: number }>()
  if (dir !== undefined && existsSync(dir)) {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files.set(`/${relative(dir, path).split('\\').join('/')}`, { path, bytes: statSync(path).size })
    }
  }
  return {
    serve(method, pathname, res) {
      if (method !== 'GET' && method !== 'HEAD') return false
      const file = files.get(pathname === '/' ? '/index.html' : pathname)
      if (!file) {
        if (pathname !== '/') return false
        answerText(res, 200, NO_PAGE, 'text/html; charset=utf-8')
        return true
      }
      res.writeHead(200, {
        'content-type': TYPES[extname(file.path)] ?? 'application/octet-stream',
        'content-length': file.bytes,
        'cache-control': pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
        'x-content-type-options': 'nosniff'
      })
      if (method === 'HEAD') res.end()
      else
        createReadStream(file.path)
          .on('error', () => res.destroy())
          .pipe(res)
      return true
    }
  }
}
