/**
 * The whole product in a browser: Puente, the stand-ins, and the sandbox's desk page framing the tab as Chatwoot does.
 * With helpers for stories told by keyboard alone.
 */
import type { Browser, Frame, Locator, Page } from 'playwright-core'
import { pageDir } from './built-pages.ts'
import { type Flow, type Loose, startFlow } from './puente.ts'

export interface Desk {
  flow: Flow
  page: Page
  /** The tab's frame; there once the tab was opened. */
  frame: Frame
  troubles: string[]
  conversationId: number
  /** Opens the WhatsApp tab above the conversation, by mouse or by keyboard alone. */
  openTab(by?: 'mouse' | 'keys'): Promise<Frame>
  /** Presses Tab inside the frame until that element has the focus. */
  tabTo(wanted: Locator, key?: 'Tab' | 'Shift+Tab'): Promise<void>
  /** Everything that WhatsApp was sent, by type. */
  sent(type: string): Loose[]
}

interface TestLike {
  teardown(work: () => unknown): unknown
}

export interface DeskLook {
  /** The customer's window has closed before the tab is looked at. */
  closed?: boolean
  /** As a page of another host sees it: without the desk's cookie. */
  noCookie?: boolean
  prepare?: (flow: Flow) => Promise<unknown> | unknown
  /** Runs in every page before its own scripts. */
  script?: string
  statuses?: 'instant' | 'timed' | 'manual'
}

export async function openDesk(t: TestLike, browser: Browser, look: DeskLook = {}): Promise<Desk> {
  const flow = await startFlow(t, { pageDir, statuses: look.statuses ?? 'timed' })
  flow.sandbox.graph.configure({
    statuses: { mode: look.statuses ?? 'timed', sentMs: 20, deliveredMs: 60, readMs: 150 }
  } as Loose)
  await flow.say({ text: 'Hola, ¿tienen lámparas?' })
  await flow.until('the conversation', () => flow.messages().length > 0)
  await look.prepare?.(flow)
  if (look.closed) {
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    // Puente hears of the new hour with the next webhook.
    await flow.say({ customer: 'joao', text: 'Oi' })
    await flow.settle()
  }
  const conversationId = Number(flow.conversations().find(one => one.contact.name === 'Lucía Ferrer').id)
  const scene = await browser.newContext({
    viewport: { width: 1500, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Madrid'
  })
  t.teardown(() => scene.close())
  if (look.noCookie)
    await scene.addInitScript(
      "if (location.pathname.includes('/app/')) Object.defineProperty(document, 'cookie', { get: () => '' })"
    )
  if (look.script) await scene.addInitScript(look.script)
  const page = await scene.newPage()
  page.setDefaultTimeout(20_000)
  const troubles: string[] = []
  page.on('pageerror', error => troubles.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') troubles.push(message.text())
  })
  page.on('request', request => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.hostname !== '127.0.0.1')
      troubles.push(`asked another host: ${url.host}`)
  })
  await page.goto(flow.sandbox.deskUrl)
  await page.getByRole('region', { name: 'Conversations' }).getByText('Lucía Ferrer').click()
  const desk: Desk = {
    flow,
    page,
    frame: page.mainFrame(),
    troubles,
    conversationId,
    async openTab(by = 'mouse') {
      const tab = page.getByRole('tab', { name: 'WhatsApp' })
      if (by === 'mouse') await tab.click()
      else {
        await page.getByRole('tab', { name: 'Messages' }).focus()
        await page.keyboard.press('ArrowRight')
        await page.keyboard.press('Tab')
      }
      const frame = await (await page.waitForSelector('iframe')).contentFrame()
      if (!frame) throw new Error('no frame')
      desk.frame = frame
      await frame.getByRole('tab').first().waitFor()
      return frame
    },
    async tabTo(wanted, key = 'Tab') {
      // Round the whole page and back: what stands around the frame has stops of its own, ever more with each message.
      const most = 150
      await wanted.first().waitFor()
      for (let n = 0; n < most; n++) {
        if (await isFocused(wanted.first())) return
        await page.keyboard.press(key)
      }
      throw new Error(`Tab never reached ${wanted}`)
    },
    sent: type => flow.sent().filter(one => one.type === type || (type === 'voice' && one.audio?.voice))
  }
  return desk
}

const isFocused = (wanted: Locator): Promise<boolean> =>
  wanted.evaluate((node: Loose) => node === node.ownerDocument.activeElement)
