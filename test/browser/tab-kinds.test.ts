/** What the other stories leave out, against the whole product: each asserts what the phone was sent and the desk shows. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
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

async function judge(t: Test, desk: Desk, name: string): Promise<void> {
  await shoot(desk.page, `tab/story-${name}`)
  t.same(await findViolations(desk.frame as unknown as Page), [], `${name}: axe`)
  t.same(desk.troubles, [], `${name}: console`)
}

const rowOf = (desk: Desk, text: string): Loose[] =>
  desk.flow.messages().filter((one: Loose) => one.type === 'outgoing' && !one.private && one.content?.includes(text))

/** As the desk's API would be called by an administrator. */
async function askDesk(desk: Desk, path: string, body?: Loose): Promise<Loose> {
  const { url, accountId, adminToken } = desk.flow.sandbox.desk.config() as Loose
  const answer = await fetch(`${url}/api/v1/accounts/${accountId}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', 'api-access-token': adminToken },
    body: body === undefined ? undefined : JSON.stringify(body)
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return (await answer.json()) as Loose
}

t.test('a link button, a request for the location, a contact card, a sticker', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'More' }).click()
  const send = () => frame.getByRole('button', { name: 'Send', exact: true }).click()

  await frame.getByRole('button', { name: /^Link button/ }).click()
  await frame.getByLabel('Text', { exact: true }).fill('Su pedido está en camino')
  await frame.getByLabel('Text on the button').fill('Seguirlo')
  await frame.getByLabel('Address', { exact: true }).fill('shop')
  await frame.getByText('Write a whole address').waitFor()
  await frame.getByLabel('Address', { exact: true }).fill('https://shop.test/o/17')
  await judge(t, desk, 'link-button')
  await send()
  await desk.flow.until('the link button', () => desk.sent('interactive').length === 1)
  t.match(desk.sent('interactive')[0].interactive, {
    type: 'cta_url',
    body: { text: 'Su pedido está en camino' },
    action: { parameters: { display_text: 'Seguirlo', url: 'https://shop.test/o/17' } }
  })
  await desk.flow.until('it stands in the desk with its address', () => rowOf(desk, 'shop.test/o/17').length === 1)

  await frame.getByRole('button', { name: /^Ask for the location/ }).click()
  await frame.getByLabel('Text', { exact: true }).fill('¿Dónde entregamos?')
  await judge(t, desk, 'location-request')
  await send()
  await desk.flow.until('the request', () => desk.sent('interactive').length === 2)
  t.match(desk.sent('interactive')[1].interactive, {
    type: 'location_request_message',
    body: { text: '¿Dónde entregamos?' }
  })
  await desk.flow.until('it stands in the desk', () => rowOf(desk, '¿Dónde entregamos?').length === 1)

  await frame.getByRole('button', { name: /^Contact card/ }).click()
  await frame.getByLabel('Name', { exact: true }).fill('Taller Ruiz')
  await frame.getByLabel('Phone', { exact: true }).fill('+34 600 111 222')
  await judge(t, desk, 'contact-card')
  await send()
  await desk.flow.until('the card', () => desk.sent('contacts').length === 1)
  t.match(desk.sent('contacts')[0].contacts, [{ name: { formatted_name: 'Taller Ruiz' }, phones: [{}] }])
  await desk.flow.until('it stands in the desk', () => rowOf(desk, 'Taller Ruiz').length === 1)

  await frame.getByRole('button', { name: /^Sticker/ }).click()
  const png = await sharp({ create: { width: 640, height: 400, channels: 4, background: '#25d366' } })
    .png()
    .toBuffer()
  await frame
    .getByRole('tabpanel', { name: 'More' })
    .locator('input[type=file]')
    .setInputFiles({ name: 'sol.png', mimeType: 'image/png', buffer: png })
  await frame.getByAltText('sol.webp').waitFor()
  await judge(t, desk, 'sticker')
  await send()
  await desk.flow.until('the sticker', () => desk.sent('sticker').length === 1)
  t.same(desk.troubles, [])
})

t.test('a template among the favourites goes first; by keyboard a link of the library goes into the text', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  const { keyboard } = desk.page
  await frame.getByRole('tab', { name: 'Templates' }).click()
  await frame.getByLabel('Language').selectOption('')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('welcome offer')
  await frame.locator('[role="option"]').first().click()
  const star = frame.getByRole('button', { name: 'Favourite' })
  await star.click()
  t.equal(await star.getAttribute('aria-pressed'), 'true')
  await frame.getByRole('button', { name: 'Back to the templates' }).click()
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('')
  await frame.getByLabel('Language').selectOption('')
  const first = frame.locator('[role="option"]').first()
  await first.getByText('Welcome offer').waitFor()
  await first.getByText('Favourite', { exact: true }).waitFor({ state: 'attached' })
  await judge(t, desk, 'favourite')

  await desk.tabTo(frame.getByRole('tab', { name: 'Templates' }), 'Shift+Tab')
  await keyboard.press('Home')
  await keyboard.press('Enter')
  await desk.tabTo(frame.getByRole('button', { name: 'Insert from the library' }))
  await keyboard.press('Enter')
  await frame.getByText('Nothing is kept yet').waitFor()
  await desk.tabTo(frame.getByRole('button', { name: 'Add a link' }))
  await keyboard.press('Enter')
  await desk.tabTo(frame.getByLabel('Name', { exact: true }))
  await keyboard.type('Horario')
  await desk.tabTo(frame.getByLabel('Address', { exact: true }))
  await keyboard.type('https://shop.test/horario')
  await keyboard.press('Enter')
  const kept = frame.getByRole('dialog').getByRole('button', { name: /^Horario/ })
  await kept.waitFor()
  await judge(t, desk, 'library')
  await desk.tabTo(kept, 'Shift+Tab')
  await keyboard.press('Enter')
  await frame.getByRole('dialog').waitFor({ state: 'detached' })
  await desk.tabTo(frame.getByLabel('Message to the customer'))
  await keyboard.press('Control+Enter')
  await desk.flow.until('the link', () => desk.sent('text').length === 1)
  t.match(desk.sent('text')[0].text.body, /https:\/\/shop\.test\/horario/)
  await desk.flow.until('one row', () => rowOf(desk, 'shop.test/horario').length === 1)
  t.same(desk.troubles, [])
})

t.test(
  'each failure has its remedy; the conversation by e-mail and the link on the contact’s page lead there',
  async t => {
    const desk = await openDesk(t, browser)
    const { contact } = desk.flow.conversations().find((one: Loose) => one.id === desk.conversationId)!
    const inbox = await askDesk(desk, '/inboxes', { name: 'Correo', channel: { type: 'api', webhook_url: '' } })
    const { agents } = desk.flow.sandbox.desk.config() as Loose
    await askDesk(desk, '/inbox_members', { inbox_id: inbox['id'], user_ids: agents.map((one: Loose) => one.id) })
    await askDesk(desk, '/conversations', { contact_id: contact.id, inbox_id: inbox['id'] })
    const list = desk.page.getByRole('region', { name: 'Conversations' })
    await list.getByText('Lucía Ferrer').nth(1).waitFor()
    await list.getByRole('button', { name: /Hola, ¿tienen/ }).click()
    const frame = await desk.openTab()
    const mail = frame.getByRole('link', { name: 'Continue in Correo' })
    await mail.waitFor()
    t.match(await mail.getAttribute('href'), /\/app\/accounts\/\d+\/conversations\/\d+$/)
    const write = async (code: number, words: string) => {
      desk.flow.sandbox.graph.configure({ failNext: [{ code, as: 'status', count: 1 }] } as Loose)
      await frame.getByLabel('Message to the customer').fill(words)
      await frame.getByRole('button', { name: /^Send/ }).click()
    }
    await write(131026, '¿Le llega?')
    const edit = frame.getByRole('link', { name: 'Edit the number' }).first()
    await edit.waitFor()
    t.match(await edit.getAttribute('href'), /\/contacts\/\d+$/)
    await judge(t, desk, 'remedy-number')
    await write(131042, '¿Y ahora?')
    await frame.getByRole('button', { name: 'Copy for your admin' }).first().waitFor()
    await judge(t, desk, 'remedy-admin')
    await desk.flow.until('both are shown failed in the desk', () =>
      ['¿Le llega?', '¿Y ahora?'].every(words => rowOf(desk, words)[0]?.status === 'failed')
    )
    const link = (await askDesk(desk, `/contacts/${contact.id}`))['payload'].custom_attributes.wa_write
    await desk.page.goto(link)
    desk.frame = desk.page.mainFrame()
    await desk.page.getByText('A conversation is already open').waitFor()
    await judge(t, desk, 'contact-link')
    t.same(desk.troubles, [])
  }
)

t.test('S97: by keyboard alone: one waiting answer is recalled, the other goes as a template instead', async t => {
  const desk = await openDesk(t, browser, { closed: true })
  desk.flow.reply({ conversationId: desk.conversationId, content: 'Demasiado tarde' })
  desk.flow.reply({ conversationId: desk.conversationId, content: 'También tarde' })
  await desk.flow.settle()
  const frame = await desk.openTab('keys')
  const { keyboard } = desk.page
  await frame.getByText('2 answers wait').waitFor()
  await desk.tabTo(
    frame.locator('li', { hasText: 'Demasiado tarde' }).getByRole('button', { name: 'Recall' }),
    'Shift+Tab'
  )
  await keyboard.press('Enter')
  await frame.getByText('1 answer waits').waitFor()
  const instead = frame.getByRole('button', { name: 'Send as template instead' })
  await desk.flow.until('the focus goes on to the next one', () =>
    instead.evaluate((node: Loose) => node === node.ownerDocument.activeElement)
  )
  await keyboard.press('Enter')
  await desk.tabTo(frame.getByLabel('Language'))
  await keyboard.press('Home')
  await desk.tabTo(frame.getByRole('combobox', { name: 'Search templates' }), 'Shift+Tab')
  await keyboard.type('hello world')
  await keyboard.press('Enter')
  await frame.getByText('Goes out instead of the answer that waits.').waitFor()
  await judge(t, desk, 'instead-keys')
  await keyboard.press('Control+Enter')
  await frame.getByText('1 answer waits').waitFor({ state: 'detached' })
  await desk.flow.until('the template', () => desk.sent('template').length === 1)
  t.equal(desk.sent('text').length, 0, 'neither answer left')
  t.same(desk.troubles, [])
})

t.test(
  'by keyboard alone: what failed is sent again; the call link is there only while the number takes calls',
  async t => {
    const desk = await openDesk(t, browser)
    desk.flow.sandbox.graph.configure({ failNext: [{ code: 131000, as: 'status', count: 1 }] } as Loose)
    const frame = await desk.openTab('keys')
    const { keyboard } = desk.page
    await desk.tabTo(frame.getByLabel('Message to the customer'))
    await keyboard.type('¿Llega?')
    await keyboard.press('Control+Enter')
    const again = frame.getByRole('log').getByRole('button', { name: 'Send again' })
    await again.waitFor()
    await desk.flow.until('the desk shows it failed', () => rowOf(desk, '¿Llega?')[0]?.status === 'failed')
    await desk.tabTo(again, 'Shift+Tab')
    await keyboard.press('Enter')
    await frame.getByRole('log').getByText('Read').waitFor()
    t.equal(desk.sent('text').length, 2)
    t.equal(rowOf(desk, '¿Llega?').length, 1, 'still one row')

    const number = desk.flow.runtime.bridge.registry.numbers()[0]!
    const copy = frame.getByRole('button', { name: 'Copy call link' })
    await copy.waitFor()
    await judge(t, desk, 'call-link')
    const status = await desk.flow.runtime.talk.talk.numberFacts(number.id)
    t.equal(status.calling, true)
    const { url } = desk.flow.sandbox.graph.config() as Loose
    await fetch(`${url}/v25.0/${number.phoneNumberId}/settings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${number.token}` },
      body: JSON.stringify({ calling: { status: 'DISABLED' } })
    })
    await desk.flow.runtime.database.work.query('update numbers set calling_read_at = null')
    await desk.page.reload()
    await desk.page.getByRole('region', { name: 'Conversations' }).getByText('Lucía Ferrer').click()
    const fresh = await desk.openTab()
    await fresh.getByRole('timer').waitFor()
    await desk.flow.until('Meta was asked', async () => {
      const told = await desk.flow.runtime.talk.talk.numberFacts(number.id)
      return told.calling === false
    })
    await fresh.getByRole('button', { name: 'Copy call link' }).waitFor({ state: 'detached' })
    t.same(desk.troubles, [])
  }
)

t.test('by keyboard alone an agent on another host copies the code, writes the note, and is recognised', async t => {
  const desk = await openDesk(t, browser, { noCookie: true })
  const { page } = desk
  const { keyboard } = page
  await page.getByRole('tab', { name: 'Messages' }).focus()
  await keyboard.press('ArrowRight')
  const frame = (await (await page.waitForSelector('iframe')).contentFrame())!
  desk.frame = frame
  const code = (await frame.locator('code').filter({ hasText: '-' }).innerText()).trim()
  await judge(t, desk, 'pairing')
  await page.getByRole('tab', { name: 'WhatsApp' }).focus()
  await keyboard.press('ArrowLeft')
  await desk.tabTo(page.getByRole('button', { name: 'Private Note' }))
  await keyboard.press('Enter')
  await desk.tabTo(page.getByRole('textbox', { name: 'Private note' }))
  await keyboard.type(code)
  await keyboard.press('Enter')
  await desk.flow.until('the note is gone', () =>
    desk.flow.messages().every((one: Loose) => !one.content?.includes(code))
  )
  await page.getByRole('tab', { name: 'Messages' }).focus()
  await keyboard.press('ArrowRight')
  await frame.getByRole('timer').waitFor()
  t.same(desk.troubles, [])
})
