/** Hooks for macros and automations in the admin page: made, pressed by a macro of the desk, seen to fail, ended. */
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { addressOf, judge, setScene, startPuente } from '../support/admin-stage.ts'
import { openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import type { Flow, Loose } from '../support/puente.ts'

let browser: Browser

t.before(async () => {
  await buildPages()
  browser = await openBrowser(t)
})

const press = (flow: Flow, webhookUrl: string): Loose =>
  flow.act({ act: 'macro', conversationId: flow.conversations()[0].id, webhookUrl } as Loose)

const addressIn = (page: Page): Promise<string> => page.getByLabel('Address of the hook').inputValue()

t.test('made by mouse, refused while a slot is empty, pressed by a macro, its failure seen, ended', async t => {
  const flow = await startPuente(t)
  const { page, troubles } = await setScene(t, browser, flow, { expectFailures: true })
  await page.goto(addressOf(flow))
  const section = page.getByRole('region', { name: 'Hooks for macros and automations' })
  await section.getByText('There is no hook yet.').waitFor()
  await section.getByRole('button', { name: 'New hook' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Offer after the sale')
  const template = dialog.getByLabel('Template', { exact: true })
  const option = await dialog.locator('option', { hasText: 'welcome_offer (' }).getAttribute('value')
  await template.selectOption(option!)
  t.equal(
    await dialog.locator('option', { hasText: 'store_location' }).isDisabled(),
    true,
    'what a hook cannot fill cannot be chosen'
  )
  await dialog.getByRole('button', { name: 'Make the hook' }).click()
  await dialog.getByRole('alert').waitFor()
  await judge(t, page, 'hook-refused', troubles)
  await dialog.getByLabel('Source of first name').selectOption({ label: 'Contact: e-mail' })
  await dialog.getByLabel('Words for discount code').fill('TEN')
  await dialog.getByRole('button', { name: 'Make the hook' }).click()
  await page.getByText('The hook is made').waitFor()
  await judge(t, page, 'hook-made', troubles)
  const url = await addressIn(page)
  t.match(url, /\/wa\/api\/v1\/hooks\/[\w-]{40,}$/)
  await page.getByRole('button', { name: 'Done' }).click()
  await section.getByText('Offer after the sale').waitFor()
  t.notOk((await page.content()).includes(url), 'shown once')

  // Lucía has no e-mail: nothing can be sent, and everybody is told.
  press(flow, url)
  const notes = (): Loose[] => flow.messages().filter((one: Loose) => one.private)
  await flow.until('the note', () => notes().length === 1)
  t.match(notes()[0].content, /welcome_offer/)
  await page.reload()
  await section.getByText(/Sent nothing .*is empty for this contact/).waitFor()
  t.match(
    await section.getByRole('link', { name: 'Open the conversation' }).getAttribute('href'),
    new RegExp(`/conversations/${flow.conversations()[0].id}$`)
  )
  await judge(t, page, 'hook-failed', troubles)

  await section.getByRole('button', { name: 'End Offer after the sale' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click()
  await section.getByText('The hook is ended.').waitFor()
  await section.getByText('There is no hook yet.').waitFor()
  await judge(t, page, 'hook-ended', troubles)
})

t.test('by keyboard alone, and the macro’s template is on the phone', async t => {
  const flow = await startPuente(t)
  const { page, troubles } = await setScene(t, browser, flow)
  const { keyboard } = page
  await page.goto(addressOf(flow))
  const tabTo = async (wanted: ReturnType<Page['getByRole']>): Promise<void> => {
    await wanted.waitFor()
    for (let n = 0; n < 60; n++) {
      if (await wanted.evaluate((node: Loose) => node === node.ownerDocument.activeElement)) return
      await keyboard.press('Tab')
    }
    throw new Error('Tab never reached it')
  }
  await tabTo(page.getByRole('button', { name: 'New hook' }))
  await keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await tabTo(dialog.getByLabel('Name', { exact: true }))
  await keyboard.type('Hello')
  await tabTo(dialog.getByLabel('Template', { exact: true }))
  await dialog.locator('option', { hasText: 'hello_world' }).first().waitFor({ state: 'attached' })
  await keyboard.type('hello_world')
  await tabTo(dialog.getByRole('button', { name: 'Make the hook' }))
  await keyboard.press('Enter')
  const address = page.getByLabel('Address of the hook')
  await address.waitFor()
  press(flow, await addressIn(page))
  await flow.until('the template', () => flow.sent().some(one => one.template?.name === 'hello_world'))
  await tabTo(page.getByRole('button', { name: 'Done' }))
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'End Hello' }).waitFor()
  t.same(troubles, [])
})

for (const look of [
  { name: 'dark', dark: true, width: 1000 },
  { name: 'es-320', locale: 'es', width: 320 },
  { name: 'ar-320', locale: 'ar', width: 320 }
]) {
  t.test(`the form of a hook: ${look.name}`, async t => {
    const flow = await startPuente(t)
    const { page, troubles } = await setScene(t, browser, flow, look)
    await page.goto(addressOf(flow))
    await page.locator('section[aria-labelledby="hooks"] button').first().click()
    const dialog = page.getByRole('dialog')
    const option = dialog.locator('option', { hasText: 'welcome_offer (' })
    await option.waitFor({ state: 'attached' })
    await dialog
      .locator('select')
      .last()
      .selectOption((await option.getAttribute('value'))!)
    await dialog.locator('fieldset').waitFor()
    await judge(t, page, `hook-form-${look.name}`, troubles)
  })
}
