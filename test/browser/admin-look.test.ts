/** How the admin page looks and what assistive tools find: every state once, and in trouble in every look. */
import type { Browser } from 'playwright-core'
import t from 'tap'
import { query } from '../flow/talk.ts'
import { addressOf, judge, type Look, numberOf, setAside, setScene, startPuente } from '../support/admin-stage.ts'
import { openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import type { Flow } from '../support/puente.ts'

let browser: Browser

t.before(async () => {
  await buildPages()
  browser = await openBrowser(t)
})

/** Paused, things set aside for two reasons, a send of which nobody knows whether it left. */
async function makeTrouble(flow: Flow): Promise<void> {
  const { id } = numberOf(flow)
  flow.reply({ conversationId: flow.conversations()[0].id, content: 'Did it arrive?' })
  await flow.until('sent', () => flow.sent().length > 0)
  await flow.settle()
  await query(flow, `update deliveries set state = 'uncertain', uncertain_at = now()`)
  await flow.runtime.bridge.numbers.pauseNumber(id, 'wa_payment')
  await flow.runtime.refresh()
  await setAside(flow, 'desk_invalid')
  await query(
    flow,
    `insert into events (day, number_id, key, kind, occurred_at, page_day, page_id, page_offset, page_length, state, code)
     select current_date, number_id, 'aside-other', 'other', now(), page_day, page_id, page_offset, page_length, 2, 'body_malformed'
     from events limit 1`
  )
}

t.test('who may not come in is told why and what to do; lines that break are said', async t => {
  const flow = await startPuente(t)

  const nobody = await setScene(t, browser, flow, { as: 'nobody' })
  await nobody.page.goto(addressOf(flow))
  await nobody.page.getByRole('heading', { name: 'Sign in as an administrator' }).waitFor()
  await judge(t, nobody.page, 'state-nobody', nobody.troubles)

  const agent = await setScene(t, browser, flow, { as: 'agent' })
  await agent.page.goto(addressOf(flow))
  await agent.page.getByRole('heading', { name: 'Only for administrators' }).waitFor()
  await judge(t, agent.page, 'state-forbidden', agent.troubles)

  const stranger = await setScene(t, browser, flow, { as: 'nobody' })
  await stranger.page.goto(`${flow.url}/app/admin?account=4711`)
  await stranger.page.getByRole('heading', { name: 'This Chatwoot is not connected' }).waitFor()
  await judge(t, stranger.page, 'state-unknown', stranger.troubles)

  const { page, troubles } = await setScene(t, browser, flow, { expectFailures: true })
  const overview = '**/api/v1/admin/overview'
  await page.route(overview, route => route.abort())
  await page.goto(addressOf(flow))
  await page.getByRole('heading', { name: 'Puente does not answer' }).waitFor()
  await judge(t, page, 'state-offline', [])
  await page.unroute(overview)
  let free = (): void => {}
  const held = new Promise<void>(resolve => {
    free = resolve
  })
  await page.route(overview, async route => {
    await held
    await route.continue()
  })
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('main[aria-busy="true"]').waitFor()
  await judge(t, page, 'state-loading', [])
  free()
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor()
  await page.unroute(overview)

  await page.route(overview, route => route.abort())
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
  await page.getByText('It is looked at again by itself.').waitFor()
  t.equal(await page.getByRole('article').count(), 1, 'what was seen stays')
  await judge(t, page, 'state-stale', [])
  await page.unroute(overview)
  await page.getByRole('button', { name: 'Try again', exact: true }).click()
  await page.getByText('It is looked at again by itself.').waitFor({ state: 'detached' })

  let go = (): void => {}
  const waits = new Promise<void>(resolve => {
    go = resolve
  })
  await page.route('**/api/v1/admin/checks', async route => {
    await waits
    await route.abort()
  })
  await page.getByRole('button', { name: 'Check now' }).click()
  await page.getByRole('status').getByText('Checking…').waitFor()
  t.equal(await page.getByRole('button', { name: 'Check now' }).getAttribute('aria-disabled'), 'true')
  await judge(t, page, 'state-checking', [])
  go()
  await page.getByRole('alert').getByText('The line broke').waitFor()
  await page.unroute('**/api/v1/admin/checks')
  await page.route('**/api/v1/admin/checks', route =>
    route.fulfill({
      status: 429,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        code: 'too_many_requests',
        title: 'Too many requests at once. Wait a moment.',
        status: 429
      })
    })
  )
  await page.getByRole('button', { name: 'Check now' }).click()
  await page.getByRole('alert').getByText('Wait a moment').waitFor()

  // Chatwoot knows them no more either, or the session would be renewed silently.
  const cookies = await page.context().cookies()
  await page.context().clearCookies()
  await query(flow, 'update agent_sessions set ended_at = now()')
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
  await page.getByRole('heading', { name: 'You were signed out' }).waitFor()
  await judge(t, page, 'state-expired', [])
  await page.context().addCookies(cookies)
  await page.getByRole('button', { name: 'Sign in again' }).press('Enter')
  await page.getByRole('heading', { name: 'Nothing needs a person.' }).waitFor()

  await page.route(overview, route =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({ code: 'internal', title: 'Something went wrong in Puente.', status: 500, requestId: 'r' })
    })
  )
  await page.reload()
  await page.getByText('Something went wrong in Puente.').waitFor()
  await judge(t, page, 'state-failed', [])
  await page.unroute(overview)
  await page.route(overview, async route => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), numbers: [], needs: [], aside: [] } })
  })
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('heading', { name: 'No number is connected yet' }).waitFor()
  await judge(t, page, 'state-empty', [])
  t.same(troubles, [])
})

t.test('how it looks in trouble: light, dark, Spanish, Portuguese, right to left, 320 px', async t => {
  const flow = await startPuente(t)
  await makeTrouble(flow)
  const looks: Record<string, Look & { check?: boolean }> = {
    light: { check: true },
    dark: { dark: true },
    es: { locale: 'es-ES' },
    pt: { locale: 'pt-BR', width: 600 },
    ar: { locale: 'ar' },
    narrow: { width: 320, height: 720 },
    'narrow-dark-es': { width: 320, height: 720, dark: true, locale: 'es-MX' }
  }
  for (const [name, look] of Object.entries(looks)) {
    const { page, troubles } = await setScene(t, browser, flow, look)
    await page.goto(addressOf(flow))
    await page.getByRole('article').waitFor()
    if (look.check) {
      await page.getByRole('button', { name: 'Check now' }).click()
      await page.getByText(/^Checked \d/).waitFor({ timeout: 15_000 })
    }
    await judge(t, page, name, troubles)
    if (name === 'light') {
      const verdict = page.getByRole('region', { name: /things need a person/ })
      t.equal(await verdict.getByRole('listitem').count(), 3, 'paused, set aside, uncertain')
      await page.getByLabel('Language', { exact: true }).selectOption('es')
      await page.getByRole('heading', { name: 'Números de WhatsApp' }).waitFor()
      await page
        .getByText(/forma de pago|método de pago|pago/)
        .first()
        .waitFor()
      await page.getByLabel('Apariencia', { exact: true }).selectOption('dark')
      t.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark')
    }
    await page.context().close()
  }
})
