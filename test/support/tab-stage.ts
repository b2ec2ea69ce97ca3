/**
 * A browser page that frames the tab exactly as Chatwoot's dashboard does: appContext on load and whenever it is asked
 * by `chatwoot-dashboard-app:fetch-info`, the session in the cookie `cw_d_session_info`.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import type { Browser, Frame, Page } from 'playwright-core'
import type { Test } from 'tap'
import { findViolations, shoot } from './browser.ts'
import { startTabServer, type TabServer } from './tab-server.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export const deskSession = {
  'access-token': 'a',
  client: 'c',
  uid: 'bea@lab.test',
  'token-type': 'Bearer',
  expiry: '1'
}

/** A real context, as recorded, placed in the conversation of the tests. */
export async function readContext(place: { conversationId?: number; inboxId?: number } = {}): Promise<unknown> {
  const path = join(root, 'test/fixtures/chatwoot/recorded-4.16.2/dashboard_app.appContext.json')
  const context = JSON.parse(await readFile(path, 'utf8'))
  context.data.conversation.id = place.conversationId ?? 57
  context.data.conversation.inbox_id = place.inboxId ?? 1
  return context
}

const deskPage = (tabUrl: string, context: unknown): string => `<!doctype html><html lang="en"><title>Desk</title>
<style>html,body{margin:0;height:100%}iframe{border:0;width:100%;height:100%;display:block}</style>
<body><main aria-label="Desk" style="height:100%"><iframe title="WhatsApp" src="${tabUrl}"></iframe></main>
<script>
const context = ${JSON.stringify(context).replaceAll('<', '\\u003c')};
const frame = document.querySelector('iframe');
const send = () => frame.contentWindow.postMessage(JSON.stringify(context), '*');
frame.addEventListener('load', send);
addEventListener('message', event => { if (event.data === 'chatwoot-dashboard-app:fetch-info') send() });
</script>`

export interface Stage {
  server: TabServer
  page: Page
  frame: Frame
  /** Errors of the page, and requests to other hosts. */
  troubles: string[]
  /** Loads the tab anew, as another conversation would; `elsewhere`: framed by another desk. */
  open(elsewhere?: boolean): Promise<void>
}

export interface StageLook {
  width?: number
  height?: number
  dark?: boolean
  locale?: string
  /** Without the desk's cookie the tab has to pair. */
  cookie?: boolean
  /** Answers that browsers log as failed loads and that the test wants. */
  expectFailures?: boolean
  prepare?: (server: TabServer) => void
}

interface TestLike {
  teardown(work: () => unknown): unknown
}

export async function setStage(t: TestLike, browser: Browser, look: StageLook = {}): Promise<Stage> {
  const server = await startTabServer(t)
  look.prepare?.(server)
  const context = await readContext()
  const openDeskPage = async (): Promise<string> => {
    const desk = Fastify({ forceCloseConnections: true })
    desk.get('/', (_, reply) => reply.type('text/html').send(deskPage(`${server.url}/app/tab`, context)))
    t.teardown(() => desk.close())
    return desk.listen({ host: '127.0.0.1', port: 0 })
  }
  const deskUrl = await openDeskPage()

  const scene = await browser.newContext({
    viewport: { width: look.width ?? 850, height: look.height ?? 780 },
    colorScheme: look.dark ? 'dark' : 'light',
    locale: look.locale ?? 'en-GB',
    timezoneId: 'Europe/Madrid'
  })
  t.teardown(() => scene.close())
  if (look.cookie !== false) {
    const value = encodeURIComponent(JSON.stringify(deskSession))
    await scene.addCookies([{ name: 'cw_d_session_info', value, url: deskUrl, sameSite: 'Lax' }])
  }
  const page = await scene.newPage()
  page.setDefaultTimeout(6000)
  const troubles: string[] = []
  page.on('pageerror', error => troubles.push(error.message))
  page.on('console', message => {
    if (message.type() !== 'error') return
    if (look.expectFailures && /Failed to load resource/.test(message.text())) return
    troubles.push(message.text())
  })
  page.on('request', request => {
    const { hostname, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') troubles.push(`asked another host: ${request.url()}`)
  })
  const stage: Stage = {
    server,
    page,
    troubles,
    frame: page.mainFrame(),
    async open(elsewhere = false) {
      await page.goto(elsewhere ? await openDeskPage() : deskUrl)
      const frame = await (await page.waitForSelector('iframe')).contentFrame()
      if (!frame) throw new Error('no frame')
      stage.frame = frame
    }
  }
  await stage.open()
  return stage
}

/** The picture, axe's findings and what the console said: all three belong to every state. */
export async function judge(t: Test, stage: Stage, name: string): Promise<void> {
  await shoot(stage.page, `tab/${name}`)
  t.same(await findViolations(stage.frame as unknown as Page), [], `${name}: axe`)
  const wide = await stage.frame.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  t.ok(wide <= 0, `${name}: nothing sticks out sideways (${wide} px)`)
  t.same(stage.troubles, [], `${name}: console`)
}
