/** `puente start` as its user has it: a process of its own, and its page in a browser. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser } from './browser.ts'
import { buildPages } from './built-pages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Three ports in a row that nobody has: Puente's, the desk's, Graph's. */
async function findPorts(): Promise<number> {
  const listen = (port: number): Promise<Server | null> =>
    new Promise(resolve => {
      const server = createServer()
      server.once('error', () => resolve(null))
      server.listen(port, '127.0.0.1', () => resolve(server))
    })
  for (let tries = 0; tries < 50; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const servers = [await listen(first), await listen(first + 1), await listen(first + 2)]
    for (const server of servers)
      await new Promise(resolve => (server === null ? resolve(null) : server.close(resolve)))
    if (servers.every(server => server !== null)) return first
  }
  throw new Error('no three free ports in a row')
}

/** Answers with the address of its page and with what it has printed. */
async function start(t: Test): Promise<{ url: string; pid: number; said: () => string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-start-'))
  const port = await findPorts()
  const child = spawn(process.execPath, ['--import', 'tsx', 'plugin/cli.ts', 'start'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PUENTE_DATA_DIR: dataDir,
      PUENTE_PORT: String(port),
      PUENTE_LOG_LEVEL: 'warn'
    }
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise(resolve => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
    await rm(dataDir, { recursive: true, force: true })
  })
  const until = Date.now() + 60_000
  while (!/^ready /m.test(said)) {
    if (Date.now() > until || child.exitCode !== null) throw new Error(`puente start: ${said}`)
    await pause(100)
  }
  return { url: `http://127.0.0.1:${port + 1}`, pid: child.pid!, said: () => said }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export interface Started {
  /** Of the sandbox's page and its doors. */
  url: string
  /** Of `puente start` itself. */
  pid: number
  page: Page
  phone: Locator
  desk: Locator
  /** The open conversation in the desk. */
  rows: Locator
  strip: Locator
  /** What the page complained about. */
  faults: string[]
  /** What `puente start` printed. */
  said: () => string
  write(text: string): Promise<void>
  answer(text: string): Promise<void>
  /** Waits for it, and fails when it stands there twice. */
  once(shown: Locator): Promise<void>
}

export async function openStarted(t: Test): Promise<Started> {
  await buildPages()
  const [browser, puente] = [await openBrowser(t), await start(t)]
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  page.setDefaultTimeout(30_000)
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  page.on('console', message => message.type() === 'error' && faults.push(message.text()))
  await page.goto(puente.url)
  const phone = page.getByRole('region', { name: 'WhatsApp phone' })
  const desk = page.getByRole('region', { name: 'Help desk' })
  return {
    url: puente.url,
    pid: puente.pid,
    page,
    phone,
    desk,
    rows: desk.getByRole('region', { name: 'Messages in the desk' }),
    strip: page.getByRole('toolbar', { name: 'Faults' }),
    faults,
    said: puente.said,
    async write(text) {
      await phone.getByLabel('Message as the customer').fill(text)
      await phone.getByLabel('Message as the customer').press('Enter')
    },
    async answer(text) {
      await desk.getByLabel('Reply to the customer').fill(text)
      await desk.getByRole('button', { name: 'Send', exact: true }).click()
    },
    async once(shown) {
      await shown.first().waitFor({ timeout: 60_000 })
      t.equal(await shown.count(), 1)
    }
  }
}
