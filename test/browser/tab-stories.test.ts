/** What agents do in the tab, against the whole product: each story once by mouse and once by keyboard alone. */
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

async function judge(t: Test, desk: Desk, name: string): Promise<void> {
  await shoot(desk.page, `tab/story-${name}`)
  t.same(await findViolations(desk.frame as unknown as Page), [], `${name}: axe`)
  t.same(desk.troubles, [], `${name}: console`)
}

/** The row of an agent's text in the desk. */
const rowOf = (desk: Desk, text: string): Loose[] =>
  desk.flow.messages().filter((one: Loose) => one.type === 'outgoing' && !one.private && one.content.includes(text))

t.test('signed in silently, the agent writes a text and sees it read; it stands once, under the own name', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('timer').waitFor()
  await frame.getByLabel('Message to the customer').fill('Sí, tenemos *tres* modelos.')
  await frame.getByRole('button', { name: /^Send/ }).click()
  await frame.getByRole('log').getByText('Read').waitFor()
  t.equal(desk.sent('text').length, 1)
  t.match(rowOf(desk, 'tres'), [{ senderName: 'Bea Agent' }], 'one row of the agent')
  await frame.getByRole('button', { name: 'Details' }).click()
  const details = frame.getByRole('dialog')
  await details.getByText('Step by step').waitFor()
  await details.getByText(/^wamid\./).waitFor()
  await judge(t, desk, 'details')
  await details.getByRole('button', { name: 'Close' }).click()
  await judge(t, desk, 'text')
})

t.test('the same by keyboard alone', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab('keys')
  await desk.tabTo(frame.getByLabel('Message to the customer'))
  await desk.page.keyboard.type('Hola Lucía')
  await desk.page.keyboard.press('Control+Enter')
  await frame.getByRole('log').getByText('Read').waitFor()
  t.match(desk.sent('text'), [{ text: { body: 'Hola Lucía' } }])
  await desk.tabTo(frame.getByRole('tab', { name: 'Message', exact: true }), 'Shift+Tab')
  await desk.page.keyboard.press('End')
  await desk.page.keyboard.press('Enter')
  await desk.tabTo(frame.locator('li button', { hasText: 'Hola Lucía' }))
  await desk.page.keyboard.press('Enter')
  await frame.getByRole('dialog').getByText('Step by step').waitFor()
  await desk.page.keyboard.press('Escape')
  await frame.getByRole('dialog').waitFor({ state: 'detached' })
  t.same(desk.troubles, [])
})

t.test('S49, S54: the window is closed: four clicks send a template, its ticks come live', async t => {
  const desk = await openDesk(t, browser, { closed: true })
  const frame = await desk.openTab()
  await frame.getByRole('heading', { name: /Window closed/ }).waitFor()
  await frame.getByLabel('Language').selectOption('')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('hello world')
  await frame.locator('[role="option"]').first().click()
  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByRole('log').getByText('Read').waitFor()
  t.match(desk.sent('template'), [{ template: { name: 'hello_world' } }])
  await judge(t, desk, 'template-sent')
})

t.test(
  'S97: by keyboard alone: searched, filled with preview and fallback, refused while empty, sent as previewed',
  async t => {
    const desk = await openDesk(t, browser, { closed: true })
    const frame = await desk.openTab('keys')
    const { keyboard } = desk.page
    await frame.locator('[role="option"]').first().waitFor()
    await desk.tabTo(frame.getByRole('combobox', { name: 'Search templates' }))
    await keyboard.type('confirmation gracias')
    await keyboard.press('ArrowDown')
    await keyboard.press('ArrowUp')
    await keyboard.press('Enter')
    const preview = frame.getByRole('region', { name: 'Preview as the customer sees it' })
    await preview.getByText('{{2}}').waitFor()
    await keyboard.press('Control+Enter')
    await frame.getByRole('alert').first().waitFor()
    t.equal(desk.sent('template').length, 0, 'nothing leaves with a slot empty')
    await judge(t, desk, 'slot-missing')
    // The first field that is wrong has the focus; the one before it is behind.
    await frame.locator('.studio [aria-invalid="true"]:focus').waitFor()
    await desk.tabTo(frame.getByLabel('Value 1', { exact: true }), 'Shift+Tab')
    await keyboard.press('Control+A')
    await keyboard.type('Lucía')
    await desk.tabTo(frame.getByLabel('Value 2', { exact: true }))
    await keyboard.type('A-1042')
    await preview.getByText('Tu pedido A-1042 está confirmado').waitFor()
    const read = (await preview.innerText()).split('\n')
    await keyboard.press('Control+Enter')
    await frame.getByRole('log').getByText('Read').waitFor()
    t.match(desk.sent('template'), [{ template: { name: 'order_confirmation', language: { code: 'es' } } }])
    const [row] = rowOf(desk, 'A-1042')
    t.ok(
      read.some(line => line.includes('A-1042') && row.content.includes(line.trim())),
      'desk and preview read the same'
    )
    t.same(desk.troubles, [])
  }
)

t.test('S97: a parked answer is recalled, another is replaced by a template', async t => {
  const desk = await openDesk(t, browser, { closed: true })
  desk.flow.reply({ conversationId: desk.conversationId, content: 'Demasiado tarde' })
  desk.flow.reply({ conversationId: desk.conversationId, content: 'También tarde' })
  await desk.flow.settle()
  const frame = await desk.openTab()
  await frame.getByText('2 answers wait').waitFor()
  await judge(t, desk, 'parked')
  await frame.locator('li', { hasText: 'Demasiado tarde' }).getByRole('button', { name: 'Recall' }).click()
  await frame.getByText('1 answer waits').waitFor()
  await frame.getByRole('button', { name: 'Send as template instead' }).click()
  await frame.getByLabel('Language').selectOption('')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('hello world')
  await desk.page.keyboard.press('Enter')
  await frame.getByText('Goes out instead of the answer that waits.').waitFor()
  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByText('1 answer waits').waitFor({ state: 'detached' })
  await desk.flow.until('the template', () => desk.sent('template').length === 1)
  t.equal(desk.sent('text').length, 0)
  t.same(desk.troubles, [])
})

t.test('what failed is shown with its remedy, and sent again with one click', async t => {
  const desk = await openDesk(t, browser)
  desk.flow.sandbox.graph.configure({ failNext: [{ code: 131000, as: 'status', count: 1 }] } as Loose)
  const frame = await desk.openTab()
  await frame.getByLabel('Message to the customer').fill('¿Llega?')
  await frame.getByRole('button', { name: /^Send/ }).click()
  const log = frame.getByRole('log')
  await log.getByText('Not sent').waitFor()
  await judge(t, desk, 'failed')
  await log.getByRole('button', { name: 'Send again' }).click()
  await log.getByText('Read').waitFor()
  t.equal(desk.sent('text').length, 2)
  t.equal(rowOf(desk, '¿Llega?').length, 1, 'still one row')
})

t.test('buttons by mouse, a list by keyboard, a place, a reaction: each arrives as composed', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  const { keyboard } = desk.page
  await frame.getByRole('tab', { name: 'More' }).click()
  await frame.getByRole('button', { name: /Reply buttons/ }).click()
  await frame.getByLabel('Text', { exact: true }).fill('¿Qué modelo?')
  await frame.getByLabel('Button 1', { exact: true }).fill('Azul')
  await frame.getByRole('button', { name: 'Add a button' }).click()
  await frame.getByLabel('Button 2', { exact: true }).fill('Roja')
  await frame.getByRole('button', { name: 'Send', exact: true }).click()
  await desk.flow.until('the buttons', () => desk.sent('interactive').length === 1)
  t.match(desk.sent('interactive')[0].interactive.action.buttons, [
    { reply: { title: 'Azul' } },
    { reply: { title: 'Roja' } }
  ])
  await desk.flow.until('the choices in the desk', () => rowOf(desk, 'Azul').length === 1)

  await desk.tabTo(frame.getByRole('button', { name: /^List/ }))
  await keyboard.press('Enter')
  await desk.tabTo(frame.getByLabel('Text', { exact: true }))
  await keyboard.type('Elija una hora')
  await desk.tabTo(frame.getByLabel('Choice 1', { exact: true }))
  await keyboard.type('Por la mañana')
  await keyboard.press('Control+Enter')
  await desk.flow.until('the list', () => desk.sent('interactive').length === 2)
  t.match(desk.sent('interactive')[1].interactive, {
    type: 'list',
    action: { sections: [{ rows: [{ title: 'Por la mañana' }] }] }
  })

  await frame.getByRole('button', { name: /^Location/ }).click()
  await frame.getByLabel('Paste a place').fill('https://www.google.com/maps/@40.4165,-3.70256,17z')
  await frame.getByLabel('Name of the place').fill('Puerta del Sol')
  await frame.getByRole('button', { name: 'Send', exact: true }).click()
  await desk.flow.until('the place', () => desk.sent('location').length === 1)
  t.match(desk.sent('location')[0].location, { latitude: 40.4165, longitude: -3.70256, name: 'Puerta del Sol' })

  await frame.getByRole('button', { name: /^Reaction/ }).click()
  await frame.getByText('Hola, ¿tienen lámparas?').first().waitFor()
  await frame.getByRole('button', { name: 'Send', exact: true }).click()
  await desk.flow.until('the reaction', () => desk.sent('reaction').length === 1)
  t.equal(desk.sent('reaction')[0].reaction.emoji, '👍')
  t.same(desk.troubles, [])
})

const microphone = `if (location.pathname.includes('/app/')) {
  Object.defineProperty(navigator, 'mediaDevices', { value: { getUserMedia: async () => {
    const sound = new AudioContext()
    const tone = sound.createOscillator()
    const out = sound.createMediaStreamDestination()
    out.channelCount = 1
    tone.connect(out)
    tone.start()
    return out.stream
  } } })
}`

t.test('a voice note is recorded in the tab and leaves as a true one: Opus in Ogg', async t => {
  const desk = await openDesk(t, browser, { script: microphone })
  const frame = await desk.openTab()
  await frame.getByRole('tab', { name: 'More' }).click()
  await frame.getByRole('button', { name: /^Voice note/ }).click()
  await frame.getByRole('button', { name: 'Record', exact: true }).click()
  await frame.getByRole('timer').last().getByText('0:01').waitFor()
  await frame.getByRole('button', { name: 'Stop' }).click()
  await frame.locator('audio').waitFor()
  await judge(t, desk, 'voice')
  await frame.getByRole('button', { name: 'Send', exact: true }).click()
  await desk.flow.until('the voice note', () => desk.sent('audio').length === 1)
  t.equal(desk.sent('audio')[0].audio.voice, true)
  t.same(desk.troubles, [])
})

t.test('S45: a conversation is started from the tab with a template; where one is open, it leads there', async t => {
  const desk = await openDesk(t, browser)
  const frame = await desk.openTab()
  await frame.getByRole('button', { name: 'More actions' }).click()
  await frame.getByRole('menuitem', { name: 'Start a conversation' }).click()
  await frame.getByText('A conversation is already open').waitFor()
  await judge(t, desk, 'start-open')
  const to = frame.getByRole('combobox', { name: 'To' })
  await to.fill('+44 7700 900106')
  await frame.getByText('Write to +447700900106').click()
  await frame.getByLabel('Name of the new contact').fill('Emma Clarke')
  await frame.getByLabel('Language').selectOption('')
  await frame.getByRole('combobox', { name: 'Search templates' }).fill('hello world')
  await desk.page.keyboard.press('Enter')
  await frame.getByRole('button', { name: 'Send template' }).click()
  await frame.getByRole('link', { name: 'Go to the conversation' }).waitFor()
  await desk.flow.until('the template', () => desk.sent('template').length === 1)
  t.ok(desk.flow.conversations().some((one: Loose) => one.contact.phone === '+447700900106'))
  t.same(desk.troubles, [])
})

t.test('/app/new opens the same from anywhere, with the contact chosen, by keyboard alone', async t => {
  const desk = await openDesk(t, browser)
  const contactId = desk.flow.conversations()[0].contact.id
  const accountId = desk.flow.sandbox.desk.config().accountId
  await desk.page.goto(`${desk.flow.url}/app/new?account=${accountId}&ref=crm-7`)
  await desk.page.getByRole('combobox', { name: 'To' }).waitFor()
  desk.frame = desk.page.mainFrame()
  const { keyboard } = desk.page
  await desk.tabTo(desk.page.getByRole('combobox', { name: 'To' }))
  await keyboard.type('+447700900106')
  await desk.page.getByRole('option', { name: /Write to/ }).waitFor()
  await keyboard.press('Enter')
  await desk.tabTo(desk.page.getByRole('combobox', { name: 'Search templates' }))
  await keyboard.type('hello world')
  await keyboard.press('Enter')
  await desk.page.getByRole('button', { name: 'Send template' }).waitFor()
  await desk.page.locator('.studio').getByText('Nothing to fill in').waitFor()
  await keyboard.press('Control+Enter')
  await desk.page.getByRole('link', { name: 'Go to the conversation' }).waitFor()
  await judge(t, desk, 'new-page')
  t.equal(desk.sent('template').length, 1)
  await desk.page.goto(`${desk.flow.url}/app/new?account=${accountId}&contact=${contactId}`)
  await desk.page.getByText('A conversation is already open').waitFor()
  t.same(desk.troubles, [])
})

t.test('on another host the agent pairs by a private note, which is deleted', async t => {
  const desk = await openDesk(t, browser, { noCookie: true })
  await desk.page.getByRole('tab', { name: 'WhatsApp' }).click()
  const frame = (await (await desk.page.waitForSelector('iframe')).contentFrame())!
  const code = (await frame.locator('code').filter({ hasText: '-' }).innerText()).trim()
  desk.flow.reply({ conversationId: desk.conversationId, content: code, private: true } as Loose)
  await frame.getByRole('timer').waitFor()
  await desk.flow.until(
    'the note is gone',
    () => !desk.flow.messages().some((one: Loose) => one.content?.includes(code))
  )
  t.same(desk.troubles, [])
})
