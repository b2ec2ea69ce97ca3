/** The pages as they are shipped; built anew where their sources are younger than what was built. */
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** The sandbox's page. */
export const pageDir = join(root, 'dist/sandbox-page')
/** The agent's tab and the admin pages. */
export const pagesDir = join(root, 'dist/ui-extension')

async function timeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null)
  return found?.mtimeMs ?? 0
}

async function buildIfOld(sources: string, built: string): Promise<void> {
  const entries = await readdir(join(root, sources), { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const times = await Promise.all(files.map(timeOf))
  if ((await timeOf(built)) > Math.max(0, ...times)) return
  await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--config', join(root, sources, 'vite.config.ts')],
    { cwd: root, timeout: 90_000, env: { ...process.env, NODE_OPTIONS: '' } }
  )
}

export async function buildPages(): Promise<void> {
  await buildIfOld('adapters/sandbox/page', join(pageDir, 'index.html'))
  await buildIfOld('ui-extension', join(pagesDir, 'tab.html'))
}
