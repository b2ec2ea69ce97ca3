/**
 * R10: what the first page of the dashboard tab weighs, and how long a fresh frame takes until it can be used: the whole
 * product on loopback, an empty cache, the processor slowed down to a quarter. Usable = the window's countdown stands
 * and a text can be typed.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Browser, Frame } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { pageDir, pagesDir } from '../support/built-pages.ts'
import { startFlow } from '../support/puente.ts'
import { type Bar, median, notRun } from './table.ts'

const RUNS = 7
const SLOWED_DOWN = 4
const MOST_KB = 100
const MOST_SECONDS = 1
const SIZE = 'first page of the tab: JavaScript and CSS gzipped, KB'
const TIME = `first page of the tab until usable, CPU slowed ×${SLOWED_DOWN}, s`

/** Tells when the page can be used, counted from the frame's own beginning. */
const watcher = `if (location.pathname.endsWith('/app/tab')) {
  const look = () => {
    const field = document.querySelector('textarea')
    if (!document.querySelector('[role="timer"]') || !field || field.disabled) return
    watching.disconnect()
    requestAnimationFrame(() => { window.usableMs = performance.now() })
  }
  const watching = new MutationObserver(look)
  watching.observe(document, { childList: true, subtree: true })
}`

export async function measureTab(): Promise<Bar[]> {
  if (!existsSync(join(pagesDir, 'tab.html')) || !existsSync(join(pageDir, 'index.html'))) {
    const why = 'there is no build: run npm run build'
    return [notRun('R10', SIZE, `≤ ${MOST_KB}`, why), notRun('R10', TIME, `≤ ${MOST_SECONDS}`, why)]
  }
  const ends: (() => unknown)[] = []
  try {
    return await measure({ teardown: work => ends.push(work) })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function measure(t: { teardown(work: () => unknown): unknown }): Promise<Bar[]> {
  const browser = await openBrowser(t)
  const flow = await startFlow(t, { pageDir })
  await flow.say({ text: 'Hola' })
  await flow.until('the conversation', () => flow.messages().length > 0)
  const runs: Opened[] = []
  for (let run = 0; run < RUNS; run++) runs.push(await openOnce(browser, flow.sandbox.deskUrl))
  const seconds = runs.map(one => one.usableMs / 1000)
  const files = [...new Set(runs.flatMap(one => one.files))]
  const bytes = await Promise.all(
    files.map(async file => gzipSync(await readFile(join(pagesDir, file)), { level: 9 }).length)
  )
  const kilobytes = bytes.reduce((sum, one) => sum + one, 0) / 1000
  const took = median(seconds)
  const shared = { id: 'R10', limit: null, ratio: null }
  return [
    {
      ...shared,
      what: SIZE,
      bar: `≤ ${MOST_KB}`,
      measured: Math.round(kilobytes * 10) / 10,
      holds: kilobytes <= MOST_KB,
      detail: files
        .map((file, at) => `${file.replace('assets/', '')} ${((bytes[at] ?? 0) / 1000).toFixed(1)}`)
        .join(', ')
    },
    {
      ...shared,
      what: TIME,
      bar: `≤ ${MOST_SECONDS}`,
      measured: Math.round(took * 1000) / 1000,
      holds: took <= MOST_SECONDS,
      detail: `empty cache, signed in silently; ${seconds.map(one => one.toFixed(2)).join(' ')}`
    }
  ]
}

interface Opened {
  usableMs: number
  /** Scripts and styles that had been asked for when the page could be used. */
  files: string[]
}

async function openOnce(browser: Browser, deskUrl: string): Promise<Opened> {
  const scene = await browser.newContext({ viewport: { width: 1500, height: 900 }, locale: 'en-GB' })
  try {
    await scene.addInitScript(watcher)
    const page = await scene.newPage()
    await page.goto(deskUrl)
    await page.getByRole('region', { name: 'Conversations' }).getByRole('button').first().waitFor()
    await page.getByRole('tab', { name: 'WhatsApp' }).waitFor()
    // The desk itself is not what is measured: it is there before the brake is put on.
    const devtools = await scene.newCDPSession(page)
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWED_DOWN })
    await page.getByRole('tab', { name: 'WhatsApp' }).click()
    const frame = await (await page.waitForSelector('iframe')).contentFrame()
    if (!frame) throw new Error('the desk shows no frame')
    const usableMs = await readUsable(frame)
    const files = await frame.evaluate<string[]>(
      `performance.getEntriesByType('resource')
        .filter(one => one.startTime < window.usableMs && /\\.(js|css)$/.test(new URL(one.name).pathname))
        .map(one => 'assets/' + one.name.split('/').pop())`
    )
    return { usableMs, files }
  } finally {
    await scene.close()
  }
}

/** Asked from outside: the page's policy allows no scripts that a waiting browser would have to build. */
async function readUsable(frame: Frame): Promise<number> {
  for (let left = 200; left > 0; left--) {
    const usableMs = await frame.evaluate<number | null>('window.usableMs ?? null')
    if (usableMs !== null) return usableMs
    await sleep(100)
  }
  throw new Error('the tab was not usable within 20 s')
}
