/** The admin page in a browser, against the whole product: coming in, one look, checks, trying again. */
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { runAdminLink } from '../../plugin/admin-link.ts'
import { readOptions } from '../../plugin/options.ts'
import { addressOf, judge, numberOf, personOf, setAside, setScene, startPuente, watch } from '../support/admin-stage.ts'
import { openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import type { Loose } from '../support/puente.ts'
import { openDesk } from '../support/tab-desk.ts'

let browser: Browser

t.before(async () => {
  await buildPages()
  browser = await openBrowser(t)
})

/** Presses Tab until that element has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const wanted = page.getByRole('button', { name })
  await wanted.first().waitFor()
  for (let n = 0; n < 40; n++) {
    if (await wanted.first().evaluate((node: Loose) => node === node.ownerDocument.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reached ${name}`)
}

/** The dashboard of an administrator, which the stand-in's page otherwise opens as an agent. */
const asAdministrator = `if (!location.pathname.includes('/app/')) {
  const real = window.fetch
  window.fetch = async (...given) => {
    const answer = await real(...given)
    if (!String(given[0]).includes('__config')) return answer
    const told = await answer.json()
    told.desk.agents = told.desk.agents.filter(one => one.role === 'administrator')
    return new Response(JSON.stringify(told), { headers: { 'content-type': 'application/json' } })
  }
}`

t.test('S37: from the tab an administrator opens the page, is recognised, and sees that all is well', async t => {
  const desk = await openDesk(t, browser, { script: asAdministrator })
  const frame = await desk.openTab()
  await frame.getByRole('button', { name: 'More actions' }).click()
  const opened = desk.page.waitForEvent('popup')
  await frame.getByRole('menuitem', { name: 'Settings of Puente' }).click()
  const page = await opened
  watch(page, desk.troubles)
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor()
  await page.getByText('Signed in as Ada Admin').waitFor()
  const card = page.getByRole('article')
  t.equal(await card.count(), 1)
  t.match(await card.innerText(), new RegExp(numberOf(desk.flow).displayPhoneNumber.replace(/[+ ]/g, '.')))
  await card.getByText('Connected', { exact: true }).waitFor()
  t.equal(await page.evaluate('window.opener'), null, 'the tab and the page cannot reach each other')
  await page.getByRole('button', { name: 'Check now' }).click()
  await page.getByText(/^Checked \d/).waitFor()
  await card.getByText(/checks are well/).click()
  await card.getByText(/is registered/).waitFor()
  await judge(t, page, 'story-well', desk.troubles)
})

t.test('S37, S90: by keyboard alone: what needs a person, the checks, and trying again what was set aside', async t => {
  const flow = await startPuente(t)
  await setAside(flow, 'desk_invalid')
  const { page, troubles } = await setScene(t, browser, flow)
  await page.goto(addressOf(flow))
  await page.getByRole('heading', { name: '1 thing needs a person' }).waitFor()
  await page.getByRole('link', { name: numberOf(flow).displayPhoneNumber }).waitFor()
  await tabTo(page, 'Check now')
  await page.keyboard.press('Enter')
  await page.getByText(/^Checked \d/).waitFor()
  await tabTo(page, /^Try again: Messages from customers, 1 item/)
  await page.keyboard.press('Enter')
  await page.getByText('1 item is being tried again.').waitFor()
  await flow.settle()
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor({ timeout: 25_000 })
  await page.getByText('Nothing is set aside.').waitFor()
  await judge(t, page, 'story-keys', troubles)
})

t.test('on another host a paired administrator brings a ticket along; it opens the page once', async t => {
  const desk = await openDesk(t, browser, { script: asAdministrator, noCookie: true })
  await desk.page.getByRole('tab', { name: 'WhatsApp' }).click()
  const frame = await (await desk.page.waitForSelector('iframe')).contentFrame()
  if (!frame) throw new Error('no frame')
  const code = await frame.getByText(/^PUENTE-/).innerText()
  const { url, accountId } = desk.flow.sandbox.desk.config()
  const path = `/api/v1/accounts/${accountId}/conversations/${desk.conversationId}/messages`
  await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'api-access-token': personOf(desk.flow, 'administrator').token },
    body: JSON.stringify({ content: code, private: true })
  })
  await frame.getByRole('timer').waitFor()
  await frame.getByRole('button', { name: 'More actions' }).click()
  const item = frame.getByRole('menuitem', { name: 'Settings of Puente' })
  await desk.flow.until('the ticket', async () => (await item.getAttribute('href'))?.includes('#ticket='))
  const href = (await item.getAttribute('href'))!
  const opened = desk.page.waitForEvent('popup')
  await item.click()
  const page = await opened
  watch(page, desk.troubles)
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor()
  t.notMatch(page.url(), /ticket/, 'the ticket is out of the address at once')
  await page.reload()
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor()
  t.same(desk.troubles, [])

  const thief = await setScene(t, browser, desk.flow, { as: 'nobody', expectFailures: true })
  await thief.page.goto(href)
  await thief.page.getByRole('heading', { name: 'This link was used already' }).waitFor()
  await judge(t, thief.page, 'state-spent', thief.troubles)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in as an administrator' }).waitFor()
})

t.test('by the link of the terminal: every number, and what Puente stands on', async t => {
  const flow = await startPuente(t)
  let url = ''
  const options = readOptions({
    databaseUrl: flow.databaseUrl,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    publicUrl: flow.url
  })
  await runAdminLink(options, { json: true }, { write: (text: string) => void (url = JSON.parse(text).url) })
  const { page, troubles } = await setScene(t, browser, flow, { as: 'nobody' })
  await page.goto(url)
  await page.getByText('All numbers of this installation').waitFor()
  t.notMatch(page.url(), /pat_/)
  await page.getByRole('button', { name: 'Check now' }).press('Enter')
  await page.getByText(/^Checked \d/).waitFor()
  const checks = page.getByRole('region', { name: 'Checks' })
  await checks.getByText('PostgreSQL').first().waitFor({ state: 'attached' })
  await judge(t, page, 'story-terminal', troubles)
})
