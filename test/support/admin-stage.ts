/** The admin page on a stage: the whole product, a browser signed in to its desk, and what belongs to every picture. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import { artefactFolder, findViolations, shoot } from './browser.ts'
import { pageDir } from './built-pages.ts'
import { type Flow, type Loose, startFlow } from './puente.ts'

export interface Look {
  width?: number
  height?: number
  dark?: boolean
  locale?: string
  as?: 'administrator' | 'agent' | 'nobody'
  /** Answers that browsers log as failed loads and that the test wants. */
  expectFailures?: boolean
}

export interface Scene {
  page: Page
  context: BrowserContext
  troubles: string[]
}

export const personOf = (flow: Flow, role: string): Loose =>
  flow.sandbox.desk.config().agents.find((one: Loose) => one.role === role)

export const addressOf = (flow: Flow): string => `${flow.url}/app/admin?account=${flow.sandbox.desk.config().accountId}`

export function watch(page: Page, troubles: string[], expectFailures = false): void {
  page.setDefaultTimeout(20_000)
  page.on('pageerror', error => troubles.push(error.message))
  page.on('console', message => {
    if (message.type() !== 'error') return
    if (expectFailures && /Failed to load resource/.test(message.text())) return
    troubles.push(message.text())
  })
  page.on('request', request => {
    const { hostname, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') troubles.push(`asked another host: ${request.url()}`)
  })
}

/** A browser as that person's, who is signed in to the desk on the same host. */
export async function setScene(t: Test, browser: Browser, flow: Flow, look: Look = {}): Promise<Scene> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1000, height: look.height ?? 900 },
    colorScheme: look.dark ? 'dark' : 'light',
    locale: look.locale ?? 'en-GB',
    timezoneId: 'Europe/Madrid'
  })
  t.teardown(() => context.close())
  if (look.as !== 'nobody') {
    const { accessToken, client, uid } = personOf(flow, look.as ?? 'administrator').session
    const value = encodeURIComponent(
      JSON.stringify({ 'access-token': accessToken, client, uid, 'token-type': 'Bearer' })
    )
    await context.addCookies([{ name: 'cw_d_session_info', value, url: flow.url, sameSite: 'Lax' }])
  }
  const page = await context.newPage()
  const troubles: string[] = []
  watch(page, troubles, look.expectFailures)
  return { page, context, troubles }
}

export async function judge(t: Test, page: Page, name: string, troubles: string[]): Promise<void> {
  const size = page.viewportSize()
  const tall = await page.evaluate<number>('document.documentElement.scrollHeight')
  if (size) await page.setViewportSize({ width: size.width, height: Math.min(3000, Math.max(size.height, tall)) })
  await mkdir(join(artefactFolder, 'admin'), { recursive: true })
  await shoot(page, `admin/${name}`)
  if (size) await page.setViewportSize(size)
  t.same(await findViolations(page), [], `${name}: axe`)
  const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  t.ok(wide <= 0, `${name}: nothing sticks out sideways (${wide} px)`)
  t.same(troubles, [], `${name}: console`)
}

export async function startPuente(t: Test): Promise<Flow> {
  const flow = await startFlow(t, { pageDir })
  await flow.say({ text: 'Hola, ¿tienen lámparas?' })
  await flow.settle()
  await flow.runtime.reconcile.run(false)
  await flow.runtime.connections.saveReadings(numberOf(flow).id, {
    timeZoneId: null,
    timeZone: null,
    quality: 'GREEN',
    messagingLimit: 'TIER_2K',
    onBusinessApp: false,
    accountEvents: 'webhook'
  })
  return flow
}

export const numberOf = (flow: Flow) => flow.runtime.bridge.registry.numbers()[0]!

/** What has been worked on counts as not processed, for that reason. */
export async function setAside(flow: Flow, code: string): Promise<void> {
  await flow.runtime.database.work.query(
    `update events set state = 2, code = '${code}', attempt = null, attempt_at = null where kind = 'message' and state = 1`
  )
}
