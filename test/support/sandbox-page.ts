/** The sandbox's page as it is shipped; built anew where its sources are younger than what was built. */
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = join(root, 'adapters/sandbox/page')
export const pageDir = join(root, 'dist/sandbox-page')

async function newestOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const times = await Promise.all(
    files.filter(file => file.isFile()).map(async file => (await stat(join(file.parentPath, file.name))).mtimeMs)
  )
  return Math.max(0, ...times)
}

export async function buildPageIfOld(): Promise<void> {
  const built = await stat(join(pageDir, 'index.html')).then(
    found => found.mtimeMs,
    () => 0
  )
  if (built > (await newestOf(sources))) return
  await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--config', join(sources, 'vite.config.ts')],
    {
      cwd: root,
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '' }
    }
  )
}
