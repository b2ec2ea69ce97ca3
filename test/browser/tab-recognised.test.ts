/** Being recognised where no desk frames the page: windows of their own, links from elsewhere, the language asked for. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { artefactFolder, findViolations, openBrowser, shoot } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import type { Loose } from '../support/puente.ts'
import { type Desk, openDesk } from '../support/tab-desk.ts'

let browser: Browser

t.before(async () => {
  await mkdir(join(artefactFolder, 'tab'), { recursive: true })
  await buildPages()
  browser = await openBrowser(t)
})

async function judge(t: Test, page: Page, desk: Desk, name: string): Promise<void> {
  await shoot(page, `tab/recognised-${name}`)
  t.same(await findViolations(page), [], `${name}: axe`)
  t.same(desk.troubles, [], `${name}: console`)
}

/** The frame before anybody was recognised. */
async function openFrame(desk: Desk) {
  await desk.page.getByRole('tab', { name: 'WhatsApp' }).click()
  return (await (await desk.page.waitForSelector('iframe')).contentFrame())!
}

const writeNote = (desk: Desk, code: string): void => {
  desk.flow.reply({ conversationId: desk.conversationId, content: code.trim(), private: true } as Loose)
}

function watch(page: Page, desk: Desk): void {
  page.setDefaultTimeout(20_000)
  page.on('pageerror', error => desk.troubles.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') desk.troubles.push(message.text())
  })
}

t.test('paired on another host, the window for recording is signed in by a ticket, once', async t => {
  // The frame of another host is given no microphone.
  const script = `if (window.parent !== window) Object.defineProperty(navigator, 'mediaDevices', { value: undefined })`
  const desk = await openDesk(t, browser, { noCookie: true, script })
  const frame = await openFrame(desk)
  writeNote(desk, await frame.locator('code').filter({ hasText: '-' }).innerText())
  await frame.getByRole('timer').waitFor()
  await frame.getByRole('tab', { name: 'More' }).click()
  await frame.getByRole('button', { name: /^Voice/ }).click()
  const link = frame.getByRole('link', { name: /window/ })
  await desk.flow.until('the ticket', async () => (await link.getAttribute('href'))?.includes('#ticket='))
  const href = (await link.getAttribute('href'))!
  const opened = desk.page.waitForEvent('popup')
  await link.click()
  const page = await opened
  watch(page, desk)
  await page.getByRole('timer').waitFor()
  t.notMatch(page.url(), /ticket/, 'out of the address at once')
  await page.getByRole('heading', { name: 'Voice note' }).waitFor()
  await judge(t, page, desk, 'window')
  await page.reload()
  await page.getByRole('timer').waitFor()

  const thief = await browser.newContext({ locale: 'en-GB' })
  t.teardown(() => thief.close())
  const stolen = await thief.newPage()
  await stolen.goto(new URL(href, page.url()).href)
  await stolen.getByText(/^PUENTE-/).waitFor({ timeout: 8000 })
})

t.test(
  'S45: a link from elsewhere pairs by a note in any conversation, and still knows contact and reference',
  async t => {
    const desk = await openDesk(t, browser, { noCookie: true })
    const { contactId } = await contactOf(desk)
    const page = await desk.page.context().newPage()
    watch(page, desk)
    const { accountId, url } = desk.flow.sandbox.desk.config()
    const query = new URLSearchParams({
      account: String(accountId),
      desk: new URL(url).origin,
      contact: String(contactId),
      ref: 'crm-77'
    })
    await page.goto(`${desk.flow.url}/app/new?${query}`)
    const code = await page.getByText(/^PUENTE-/).innerText()
    await judge(t, page, desk, 'new-pairing')
    writeNote(desk, code)
    await page.getByText('A conversation is already open').waitFor()
    t.match(page.url(), /ref=crm-77/)
    await judge(t, page, desk, 'new')
    // The next link in this browser tab finds the session.
    await page.goto(`${desk.flow.url}/app/new?contact=${contactId}`)
    await page.getByText('A conversation is already open').waitFor()
  }
)

t.test(
  'the server’s sentences follow the language of the page: asked for by address, or chosen in the menu',
  async t => {
    const desk = await openDesk(t, browser)
    await desk.flow.runtime.database.knex('numbers').update({ paused_code: 'wa_payment' })
    await desk.flow.runtime.refresh()
    const page = await desk.page.context().newPage()
    watch(page, desk)
    const { accountId } = desk.flow.sandbox.desk.config()
    await page.goto(`${desk.flow.url}/app/tab?account=${accountId}&conversation=${desk.conversationId}&lang=es`)
    await page.getByText('WhatsApp', { exact: false }).first().waitFor()
    const sentence = page.getByText(/método de pago|pago/).first()
    await sentence.waitFor()
    await judge(t, page, desk, 'spanish')
    await page.getByRole('button', { name: 'Más acciones' }).click()
    await page.getByRole('menuitem', { name: /Portugu/i }).click()
    await page
      .getByText(/pagamento/)
      .first()
      .waitFor()
    t.equal(await page.getByText(/método de pago/).count(), 0)
    await judge(t, page, desk, 'portuguese')
  }
)

async function contactOf(desk: Desk): Promise<{ contactId: number }> {
  const found = desk.flow.conversations().find((one: Loose) => one.id === desk.conversationId)
  return { contactId: found.contact.id ?? found.contactId }
}
