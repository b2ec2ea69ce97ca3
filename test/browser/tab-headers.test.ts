/** Templates with more than text, against the whole product: pictures drawn before they are sent, cards, offers, passwords. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Frame, Page } from 'playwright-core'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { artefactFolder, findViolations, openBrowser, shoot } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import type { Loose } from '../support/puente.ts'
import { type Desk, openDesk } from '../support/tab-desk.ts'

let browser: Browser
let picture: Buffer

t.before(async () => {
  await mkdir(join(artefactFolder, 'tab'), { recursive: true })
  await buildPages()
  browser = await openBrowser(t)
  const waves = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="360" fill="#0b6e4f"/>
    <circle cx="470" cy="110" r="70" fill="#f4d35e"/><path d="M0 260 Q160 190 320 260 T640 260 V360 H0Z" fill="#08415c"/></svg>`
  picture = await sharp(Buffer.from(waves)).jpeg().toBuffer()
})

async function judge(t: Test, desk: Desk, name: string): Promise<void> {
  // The server has looked at the last key, and nothing is missing.
  await desk.frame.locator('.studio button[type=submit]:not([aria-disabled])').waitFor()
  await shoot(desk.page, `tab/headers-${name}`)
  await desk.page.emulateMedia({ colorScheme: 'dark' })
  await shoot(desk.page, `tab/headers-${name}-dark`)
  await desk.page.emulateMedia({ colorScheme: 'light' })
  await desk.page.waitForTimeout(400)
  t.same(await findViolations(desk.frame as unknown as Page), [], `${name}: axe`)
  t.same(desk.troubles, [], `${name}: console`)
}

async function choose(frame: Frame, name: string): Promise<void> {
  await frame.getByLabel('Language').first().selectOption('')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill(name)
  await frame.locator('[role="option"]').first().click()
  await frame.getByRole('button', { name: 'Send template' }).waitFor()
}

const file = (name: string) => ({ name, mimeType: 'image/jpeg', buffer: picture })
const rowOf = (desk: Desk, text: string): Loose[] =>
  desk.flow.messages().filter((one: Loose) => one.type === 'outgoing' && !one.private && one.content.includes(text))

t.test('S74, S97: the header picture is drawn in the preview, leaves, and stands in the desk', async t => {
  const desk = await openDesk(t, browser, { closed: true })
  const frame = await desk.openTab()
  await choose(frame, 'promo image')
  await frame.locator('.studio input[type=file]').setInputFiles(file('spring.jpg'))
  const drawn = frame.getByRole('region', { name: 'Preview' }).getByRole('img', { name: 'spring.jpg' })
  await drawn.waitFor()
  t.ok(await drawn.evaluate((node: Loose) => node.complete && node.naturalWidth > 0), 'the bytes themselves')
  await frame.getByText('Hi Lucía, our spring catalogue is here!').waitFor()
  await judge(t, desk, 'picture')

  await desk.page.setViewportSize({ width: 320, height: 780 })
  await desk.page.getByRole('tab', { name: 'Desk', exact: true }).click()
  await frame.getByRole('button', { name: 'Send template' }).waitFor()
  await shoot(desk.page, 'tab/headers-picture-narrow')
  const wide = await frame.evaluate(() => {
    const { documentElement: root } = (globalThis as unknown as { document: Loose }).document
    return root.scrollWidth - root.clientWidth
  })
  t.ok(wide <= 0, `nothing sticks out at 320 px: ${wide}`)
  await desk.page.setViewportSize({ width: 1500, height: 900 })

  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByRole('log').getByText('Read').waitFor()
  t.match(desk.sent('template'), [{ template: { name: 'promo_image' } }])
  t.match(rowOf(desk, 'spring catalogue'), [{ attachments: [{}] }], 'one row, with the picture')
  await desk.page.getByRole('tab', { name: 'Messages' }).click()
  await shoot(desk.page, 'tab/headers-picture-in-desk')
})

t.test('a carousel, each card with its own picture', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'Templates' }).click()
  await choose(frame, 'carousel products')
  await frame.locator('.studio input[type=file]').nth(0).setInputFiles(file('one.jpg'))
  await frame.getByRole('img', { name: 'one.jpg' }).waitFor()
  await frame.locator('.studio input[type=file]').nth(0).setInputFiles(file('two.jpg'))
  await frame.getByRole('img', { name: 'two.jpg' }).waitFor()
  await frame.getByLabel('Card 1: Shop', { exact: true }).fill('a')
  await frame.getByLabel('Card 2: Shop', { exact: true }).fill('b')
  await judge(t, desk, 'carousel')
  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByRole('log').getByText('Read').waitFor()
  t.equal(desk.sent('template').length, 1)
})

t.test('a limited-time offer; a one-time password, which colleagues do not read', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'Templates' }).click()
  await choose(frame, 'limited offer')
  await frame.locator('.studio input[type=file]').setInputFiles(file('offer.jpg'))
  await frame.getByRole('img', { name: 'offer.jpg' }).waitFor()
  await frame.getByLabel('Value 2', { exact: true }).fill('CARIBE25')
  await frame.locator('input[type=datetime-local]').fill('2030-01-31T20:00')
  await frame.getByLabel('Copy offer code', { exact: true }).fill('CARIBE25')
  await frame.getByLabel('Book now', { exact: true }).fill('n3mtql')
  await judge(t, desk, 'offer')
  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByRole('log').getByText('Read').waitFor()

  await choose(frame, 'verification code')
  await frame.locator('.studio input:not([type=file])').first().fill('842193')
  await frame.getByRole('region', { name: 'Preview' }).getByText('842193').waitFor()
  await judge(t, desk, 'password')
  await frame.getByRole('button', { name: 'Send template' }).click()
  await desk.flow.until('the password', () => desk.sent('template').length === 2)
  await desk.flow.settle()
  t.match(JSON.stringify(desk.sent('template')[1]), /842193/)
  t.notOk(
    desk.flow.messages().some((one: Loose) => one.content?.includes('842193')),
    'masked in the desk'
  )
})

t.test('another language keeps what was typed; a slot by number is suggested from its words', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'Templates' }).click()
  await frame.getByLabel('Language').first().selectOption('es')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('order confirmation')
  await frame.locator('[role="option"]').first().click()
  const preview = frame.getByRole('region', { name: 'Preview' })
  await preview.getByText('¡Gracias, Lucía!').waitFor()
  await frame.getByLabel('Value 2', { exact: true }).fill('A-77')
  await preview.getByText('A-77').waitFor()
  await frame.locator('.studio').getByLabel('Language').selectOption('pt_BR')
  await preview.getByText(/Seu pedido A-77/).waitFor()
  await preview.getByText('Obrigado, Lucía!').waitFor()
  t.same(desk.troubles, [])
})

t.test('an address is looked at while the agent waits; what is no public one is refused at the field', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'Templates' }).click()
  await choose(frame, 'promo image')
  await frame.getByRole('button', { name: 'Address', exact: true }).click()
  await frame.getByLabel('Address', { exact: true }).last().fill('http://127.0.0.1:1/x.png')
  await frame.getByRole('button', { name: 'Use it' }).click()
  await frame.locator('.studio .text-ruby-11').first().waitFor()
  await shoot(desk.page, 'tab/headers-address-refused')
})
