/**
 * A real Chromium for browser tests, from the npm package, driven by playwright-core. Unpacked once per version into a
 * folder of its own, so that parallel first launches do not meet half-written files. Leaves out any page's own steps.
 */
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'

const run = promisify(execFile)
const unpackTimeoutMs = 60_000

/** Pictures for people; the folder is not kept in version control. */
export const artefactFolder = fileURLToPath(new URL('../artefacts/', import.meta.url))

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}

/** The package's folder; its package.json is not exported, so it is read beside the entry point. */
async function readVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  let folder = dirname(entry)
  while (!(await exists(join(folder, 'package.json'))) && folder !== dirname(folder)) folder = dirname(folder)
  return (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}

/**
 * The package unpacks into the temporary folder that it finds when it is imported and takes whatever lies there, so
 * a process of its own gets a fresh one. The runtime's name makes it unpack the libraries that a bare machine lacks.
 */
async function unpack(): Promise<string> {
  const folder = join(tmpdir(), `puente-chromium-${await readVersion()}`)
  if (await exists(join(folder, 'chromium'))) return folder
  const staging = await mkdtemp(join(tmpdir(), 'puente-chromium-unpack-'))
  try {
    await run(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"
      ],
      {
        cwd: fileURLToPath(new URL('../../', import.meta.url)),
        timeout: unpackTimeoutMs,
        env: { ...process.env, NODE_OPTIONS: '', TMPDIR: staging, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' }
      }
    )
    // Another process may have been faster; then its folder is as good.
    await rename(staging, folder).catch(async error => {
      if (!(await exists(join(folder, 'chromium')))) throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  return folder
}

/** Starts the browser and closes it with the test. Rejects when it cannot be unpacked or started. */
export async function openBrowser(t: { teardown(work: () => unknown): unknown }): Promise<Browser> {
  const folder = await unpack()
  const libraries = [join(folder, 'al2023', 'lib'), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':')
  const hasFonts = await exists('/etc/fonts/fonts.conf')
  const browser = await chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ['--no-sandbox'],
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: libraries,
      ...(hasFonts ? {} : { FONTCONFIG_PATH: join(folder, 'fonts') })
    }
  })
  t.teardown(() => browser.close())
  return browser
}

/** What axe finds against WCAG 2.2 A and AA, one line a finding; empty = nothing. */
export async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: unknown): Promise<AxeResults> } }
    return axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    })
  })
  return violations.flatMap(violation =>
    violation.nodes.map(node => `${violation.id}: ${node.target.join(' ')} (${violation.help})`)
  )
}

interface AxeResults {
  violations: { id: string; help: string; nodes: { target: string[] }[] }[]
}

/** Keeps a picture for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(artefactFolder, { recursive: true })
  await writeFile(join(artefactFolder, `${name}.png`), await page.screenshot({ animations: 'disabled' }))
}
