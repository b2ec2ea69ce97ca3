/** The sandbox page in a real browser: what a person can do on phone, desk, faults, clock and timeline. */
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { createSandbox, type Sandbox } from '../../adapters/sandbox/sandbox.ts'
import { findViolations, openBrowser, shoot } from '../support/browser.ts'
import { buildPages, pageDir } from '../support/built-pages.ts'
import { startTinyBridge, type TinyBridge } from '../support/tiny-bridge.ts'

interface Stage {
  sandbox: Sandbox
  bridge: TinyBridge
  page: Page
  phone: ReturnType<Page['locator']>
  desk: ReturnType<Page['locator']>
  timeline: ReturnType<Page['locator']>
  troubles: string[]
}

let browser: Browser

async function setStage(t: Test, look: { width?: number; height?: number; dark?: boolean } = {}): Promise<Stage> {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0, pageDir, onStopPuente: () => {} })
  t.teardown(() => sandbox.close())
  sandbox.graph.configure({ statuses: { mode: 'timed', sentMs: 20, deliveredMs: 60, readMs: 150, playedMs: 150 } })
  const bridge = await startTinyBridge(t, sandbox)
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.dark ? 'dark' : 'light'
  })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const troubles: string[] = []
  page.on('pageerror', error => troubles.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') troubles.push(message.text())
  })
  page.on('request', request => {
    if (!request.url().startsWith(sandbox.deskUrl)) troubles.push(`asked another host: ${request.url()}`)
  })
  await page.goto(sandbox.deskUrl)
  return {
    sandbox,
    bridge,
    page,
    phone: page.getByRole('region', { name: 'WhatsApp phone' }),
    desk: page.getByRole('region', { name: 'Help desk' }),
    timeline: page.getByRole('region', { name: 'Timeline' }),
    troubles
  }
}

async function write(stage: Stage, text: string): Promise<void> {
  await stage.phone.getByLabel('Message as the customer').fill(text)
  await stage.phone.getByLabel('Message as the customer').press('Enter')
}

async function answer(stage: Stage, text: string): Promise<void> {
  await stage.desk.getByLabel('Reply to the customer').fill(text)
  await stage.desk.getByRole('button', { name: 'Send', exact: false }).click()
}

t.before(async () => {
  await buildPages()
  browser = await openBrowser(t)
})

t.test('an empty sandbox says what to do, without a fault in the console or for assistive tools', async t => {
  const stage = await setStage(t)
  await stage.desk.getByText('No conversations yet').waitFor()
  await stage.phone.getByText('Write as Lucía Ferrer').waitFor()
  await stage.timeline.getByText('Nothing has happened yet').waitFor()
  t.same(await findViolations(stage.page), [])
  await shoot(stage.page, 'sandbox-empty')
  t.same(stage.troubles, [])
})

t.test('a message of the customer reaches the desk, the answer the phone, the ticks turn blue', async t => {
  const stage = await setStage(t)
  await write(stage, 'Hello, is the *blue* lamp in stock?')
  await stage.desk.getByRole('region', { name: 'Conversations' }).getByText('is the blue lamp').waitFor()
  await answer(stage, 'Yes, it is.')
  await stage.phone.getByText('Yes, it is.').waitFor()
  await stage.desk.getByRole('img', { name: 'Read' }).waitFor()
  t.equal(await stage.phone.locator('strong', { hasText: 'blue' }).count(), 1, 'WhatsApp bold is drawn bold')
  t.same(stage.troubles, [])
})

t.test('clicking a bubble shows its story, and marks the same message on the other side', async t => {
  const stage = await setStage(t)
  await write(stage, 'Where is my order?')
  const bubble = stage.desk.getByRole('region', { name: 'Messages in the desk' }).getByText('Where is my order?')
  await bubble.click()
  const story = stage.timeline.locator('li.selected')
  await story.getByText('The customer wrote').waitFor()
  await story.getByText('WhatsApp webhook → Puente: message').waitFor()
  await story.getByText('Puente → desk: open a conversation').waitFor()
  t.equal(await stage.phone.locator('.bubble.selected').count(), 1, 'the bubble on the phone is marked')
  await answer(stage, 'It left *today*.')
  await stage.phone.getByText('It left').click()
  await story.getByText('The agent wrote').waitFor()
  await story.getByText('Puente → WhatsApp: send text').waitFor()
  await story.getByText('Puente → desk: show read').waitFor()
  await story.getByRole('button', { name: 'Puente → WhatsApp: send text' }).click()
  await story.getByText('"biz_opaque_callback_data"').waitFor()
  await shoot(stage.page, 'sandbox-timeline')
  t.same(stage.troubles, [])
})

t.test('every sample of the plus menu can be sent and is drawn on the phone', async t => {
  const stage = await setStage(t)
  await write(stage, 'Samples follow')
  const open = () => stage.phone.getByRole('button', { name: 'Send a sample' }).click()
  await open()
  const names = await stage.phone.getByRole('menuitem').allInnerTexts()
  await stage.page.keyboard.press('Escape')
  t.ok(names.length >= 16, `${names.length} kinds`)
  for (const name of names.map(one => one.trim()).filter(one => one !== 'Change number')) {
    const before = stage.sandbox.ledger.list({ name: 'say' }).length
    await open()
    await stage.phone.getByRole('menuitem', { name, exact: true }).click()
    await waitUntil(() => stage.sandbox.ledger.list({ name: 'say' }).length > before, name)
  }
  await stage.phone.getByLabel('Voice note', { exact: true }).waitFor()
  t.equal(await stage.page.getByRole('log').locator('.error').count(), 0, 'no door refused a sample')
  t.same(await findViolations(stage.page), [])
  await shoot(stage.page, 'sandbox-samples')
  t.same(stage.troubles, [])
})

t.test('reply, reaction, edit and deletion on the phone', async t => {
  const stage = await setStage(t)
  await write(stage, 'First')
  await stage.desk.getByRole('region', { name: 'Messages in the desk' }).getByText('First').waitFor()
  await answer(stage, 'Answer to quote')
  const theirs = stage.phone.locator('li.business', { hasText: 'Answer to quote' })
  await theirs.hover()
  await theirs.getByRole('button', { name: 'React to this message' }).click()
  await theirs.getByRole('menuitem', { name: '👍' }).click()
  await theirs.getByRole('img', { name: 'Reactions: 👍' }).waitFor()
  await theirs.getByRole('button', { name: 'React to this message' }).click()
  await theirs.getByRole('menuitem', { name: 'Take back' }).click()
  await theirs.getByRole('img', { name: 'Reactions: 👍' }).waitFor({ state: 'detached' })
  await theirs.getByRole('button', { name: 'More for this message' }).click()
  await theirs.getByRole('menuitem', { name: 'Reply' }).click()
  await write(stage, 'Quoting you')
  const mine = stage.phone.locator('li.customer', { hasText: 'Quoting you' })
  await mine.locator('.quoted', { hasText: 'Answer to quote' }).waitFor()
  await mine.hover()
  await mine.getByRole('button', { name: 'More for this message' }).click()
  await mine.getByRole('menuitem', { name: 'Edit' }).click()
  await write(stage, 'Quoting you, edited')
  await stage.phone.getByRole('button', { name: /^Edited/ }).waitFor()
  const edited = stage.phone.locator('li.customer', { hasText: 'Quoting you, edited' })
  await edited.hover()
  await edited.getByRole('button', { name: 'More for this message' }).click()
  await edited.getByRole('menuitem', { name: 'Delete for everyone' }).click()
  await stage.phone.getByText('You deleted this message').waitFor()
  t.same(stage.troubles, [])
})

t.test('the desk: note, file, quote, failure with reason and retry, resolve, start', async t => {
  const stage = await setStage(t)
  await write(stage, 'Good morning')
  const messages = stage.desk.getByRole('region', { name: 'Messages in the desk' })
  await messages.getByText('Good morning').waitFor()

  await stage.desk.getByRole('button', { name: 'Private Note' }).click()
  await stage.desk.getByLabel('Private note').fill('Only **we** see this')
  await stage.desk.getByRole('button', { name: 'Add note' }).click()
  await messages.locator('li.note strong', { hasText: 'we' }).waitFor()
  await stage.desk.getByRole('button', { name: 'Reply', exact: true }).click()

  await stage.desk.getByRole('button', { name: 'Attach a voice sample (mp3)' }).click()
  await stage.desk.getByText('voice-sample.mp3').waitFor()
  await answer(stage, 'With a recording')
  await messages.getByLabel('Audio voice-sample.mp3').waitFor()

  stage.sandbox.graph.configure({ failNext: [{ code: 131026, as: 'status', count: 1 }] })
  await answer(stage, 'This one fails')
  await messages.getByText('Failed to send').waitFor()
  await messages.locator('.reason').waitFor()
  await shoot(stage.page, 'sandbox-failed')
  t.same(await findViolations(stage.page), [])
  await messages.getByRole('button', { name: 'Retry sending' }).click()
  await messages.getByText('Failed to send').waitFor({ state: 'detached' })

  await stage.desk.getByRole('button', { name: 'Resolve', exact: true }).click()
  await stage.desk.getByRole('button', { name: 'Reopen' }).click()
  await stage.desk.getByRole('button', { name: 'Resolve', exact: true }).waitFor()

  await stage.desk.getByRole('button', { name: 'Start a conversation' }).click()
  const dialog = stage.page.getByRole('dialog', { name: 'New conversation' })
  await dialog.getByLabel('Phone, with the country code').fill('+44 7700 900106')
  await dialog.getByLabel('Name').fill('Emma Clarke')
  await dialog.getByLabel('Message').fill('Hello Emma')
  t.same(await findViolations(stage.page), [])
  await dialog.getByRole('button', { name: 'Start' }).click()
  await messages.getByText('Hello Emma').waitFor()
  await stage.phone.getByText('Emma Clarke’s phone').waitFor()
  t.same(stage.troubles, [])
})

t.test('faults, clock and stop: switched on the page, in force in the sandbox', async t => {
  const stage = await setStage(t)
  await write(stage, 'Hello')
  await stage.desk.getByRole('region', { name: 'Messages in the desk' }).getByText('Hello').waitFor()
  const strip = stage.page.getByRole('toolbar', { name: 'Faults' })
  await strip.getByRole('button', { name: 'Duplicate' }).click()
  await strip.getByRole('button', { name: 'Duplicate', pressed: true }).waitFor()
  t.match(stage.sandbox.faults.list(), [{ on: 'hook:graph', kind: 'duplicate' }])
  await strip.getByRole('button', { name: 'All off' }).click()
  await strip.getByRole('button', { name: 'Duplicate', pressed: false }).waitFor()
  t.same(stage.sandbox.faults.list(), [])

  await strip.getByRole('button', { name: 'Receipts off' }).click()
  await strip.getByRole('button', { name: 'Receipts off', pressed: true }).waitFor()

  await stage.page.getByRole('button', { name: 'Jump 24 h' }).click()
  await stage.page.getByText('+24 h').waitFor()
  await stage.desk.getByRole('status').getByText('24 hour').waitFor()
  t.ok(await stage.desk.getByLabel('Reply to the customer').isDisabled(), 'the reply window is closed')
  await shoot(stage.page, 'sandbox-window-closed')

  await stage.desk.getByRole('button', { name: 'WhatsApp templates' }).click()
  const picker = stage.page.getByRole('dialog', { name: 'WhatsApp templates' })
  await picker.getByRole('button', { name: 'order_confirmation' }).click()
  await picker.getByLabel('Value for 1').fill('Lucía')
  await picker.getByLabel('Value for 2').fill('860198')
  await shoot(stage.page, 'sandbox-template')
  await picker.getByRole('button', { name: 'Send template' }).click()
  await stage.phone.getByText('Thank you, Lucía! Your order 860198 is confirmed.').waitFor()

  stage.bridge.pause(true)
  await write(stage, 'Anybody there?')
  await stage.page.getByText('Puente is down', { exact: true }).waitFor()
  t.same(await findViolations(stage.page), [])
  await shoot(stage.page, 'sandbox-puente-down')
  t.same(stage.troubles, [])
})

t.test('menus, tabs and dialogs work from the keyboard', async t => {
  const stage = await setStage(t)
  const plus = stage.phone.getByRole('button', { name: 'Send a sample' })
  await plus.focus()
  await stage.page.keyboard.press('Enter')
  await stage.page.keyboard.press('ArrowDown')
  await stage.page.keyboard.press('ArrowDown')
  t.equal(await stage.page.evaluate('document.activeElement.textContent.trim()'), 'Voice note')
  await stage.page.keyboard.press('Escape')
  t.equal(await plus.evaluate(element => element === element.ownerDocument.activeElement), true, 'the focus comes back')
  await stage.page.getByRole('button', { name: 'Reset' }).press('Enter')
  await stage.page.getByRole('dialog').waitFor()
  await stage.page.keyboard.press('Escape')
  await stage.page.getByRole('dialog').waitFor({ state: 'detached' })
})

t.test('one part at a time on a narrow screen, in the dark too', async t => {
  const stage = await setStage(t, { width: 420, height: 800, dark: true })
  await write(stage, 'From a small screen')
  await stage.page.getByRole('tab', { name: 'Desk' }).click()
  t.equal(await stage.phone.isVisible(), false)
  await stage.desk.getByRole('button', { name: 'Lucía Ferrer' }).click()
  await stage.desk.getByRole('region', { name: 'Messages in the desk' }).getByText('From a small screen').waitFor()
  t.same(await findViolations(stage.page), [])
  await shoot(stage.page, 'sandbox-narrow-desk')
  await stage.page.getByRole('tab', { name: 'Desk' }).press('ArrowRight')
  await stage.timeline.getByText('From a small screen').waitFor()
  const overflow = await stage.page.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, 'nothing sticks out sideways')
  await shoot(stage.page, 'sandbox-narrow-timeline')
  t.same(stage.troubles, [])
})

t.test('a sandbox that is gone is said so, and found again', async t => {
  const stage = await setStage(t)
  await stage.phone.getByText('Write as Lucía Ferrer').waitFor()
  const port = Number(new URL(stage.sandbox.deskUrl).port)
  await stage.sandbox.close()
  await stage.page.getByRole('alert').getByText('The sandbox does not answer').waitFor()
  t.same(await findViolations(stage.page), [])
  await shoot(stage.page, 'sandbox-gone')
  const again = await createSandbox({ graphPort: 0, deskPort: port, pageDir })
  t.teardown(() => again.close())
  await stage.page.getByRole('alert').waitFor({ state: 'detached' })
})

async function waitUntil(holds: () => boolean, what: string): Promise<void> {
  const endsAt = Date.now() + 5000
  while (!holds()) {
    if (Date.now() > endsAt) throw new Error(`did not happen: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
