/** When something is not as usual: session over, line down, answers lost, the mobile app's web view, forged contexts. */
import type { Browser } from 'playwright-core'
import t from 'tap'
import { openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import { startTabServer } from '../support/tab-server.ts'
import { readContext, setStage } from '../support/tab-stage.ts'
import { makeConversation } from '../support/tab-world.ts'

let browser: Browser

t.before(async () => {
  await buildPages()
  browser = await openBrowser(t)
})

const refused = { status: 401, code: 'session_invalid', title: 'Sign in again.' }

t.test('the session ends while somebody writes: it is renewed, and the message goes once, without a word', async t => {
  const stage = await setStage(t, browser, { expectFailures: true })
  const { server, frame } = stage
  await frame.getByRole('timer').waitFor()
  t.equal(server.calls.find(one => one.name === 'readConversation')?.authorization, 'Bearer token-desk')
  t.ok(server.calls.find(one => one.name === 'readConversation')?.desk, "the desk's session goes along")
  server.refuse.sendMessage = refused
  await frame.getByLabel('Message to the customer').fill('Hello')
  const keys: (string | undefined)[] = []
  stage.page.on('request', request => {
    if (request.method() !== 'POST' || !request.url().endsWith('/conversations/57/messages')) return
    keys.push(request.headers()['idempotency-key'])
    // The first was refused; what follows the new sign-in is not.
    if (keys.length === 2) delete server.refuse.sendMessage
  })
  await stage.page.route('**/sessions/desk', async route => {
    delete server.refuse.sendMessage
    await route.continue()
  })
  await frame.getByRole('button', { name: /^Send/ }).click()
  await frame.getByRole('log').getByText('Hello').waitFor()
  t.equal(keys.length, 2)
  t.equal(keys[0], keys[1], 'the same intention')
  t.equal(server.sent.length, 1)
  t.equal(server.calls.filter(one => one.name === 'signInByDesk').length, 2)
  t.notOk(server.calls.filter(one => one.name === 'signInByDesk').at(-1)?.authorization, 'the old bearer is not shown')
  await frame.getByLabel('Message to the customer').fill('And more')
  while (server.lines() === 0) await new Promise(resolve => setTimeout(resolve, 20))
  server.tell('expired', {})
  server.dropLines()
  await new Promise(resolve => setTimeout(resolve, 1_500))
  t.equal(await frame.getByText('You were signed out').count(), 0)
  t.equal(await frame.getByLabel('Message to the customer').inputValue(), 'And more')
})

t.test('where the session cannot be renewed the tab says so, and keeps what was typed', async t => {
  const stage = await setStage(t, browser, { expectFailures: true })
  const { server, frame } = stage
  await frame.getByRole('timer').waitFor()
  Object.assign(server.refuse, { sendMessage: refused, signInByDesk: { ...refused, code: 'sign_in_refused' } })
  await frame.getByLabel('Message to the customer').fill('Half a sentence')
  await frame.getByRole('button', { name: /^Send/ }).click()
  await frame.getByText('You were signed out').waitFor()
  t.notOk(await frame.getByLabel('Message to the customer').isVisible())
  server.refuse = {}
  await frame.getByRole('button', { name: 'Sign in again' }).press('Enter')
  await frame.getByRole('timer').waitFor()
  t.equal(await frame.getByLabel('Message to the customer').inputValue(), 'Half a sentence')
  t.equal(server.sent.length, 0)
})

t.test(
  'somebody else is signed in to the desk by now: nothing is sent in their name, and they see none of it',
  async t => {
    const stage = await setStage(t, browser, { expectFailures: true })
    const { server, frame } = stage
    await frame.getByRole('timer').waitFor()
    server.refuse.sendMessage = refused
    server.agentId = 3
    await frame.getByLabel('Message to the customer').fill('Written by Bea')
    await frame.getByRole('button', { name: /^Send/ }).click()
    await frame.getByText('You were signed out').waitFor()
    server.refuse = {}
    await frame.getByRole('button', { name: 'Sign in again' }).press('Enter')
    await frame.getByRole('timer').waitFor()
    t.equal(await frame.getByLabel('Message to the customer').inputValue(), '')
    t.equal(server.sent.length, 0)
  }
)

t.test('a paired session is one of its desk: another desk with the same account number pairs anew', async t => {
  const stage = await setStage(t, browser, { cookie: false, prepare: server => (server.paired = true) })
  await stage.frame.getByRole('timer').waitFor()
  await stage.open()
  await stage.frame.getByRole('timer').waitFor()
  t.equal(stage.server.calls.filter(one => one.name === 'startPairing').length, 1)
  stage.server.paired = false
  await stage.open(true)
  await stage.frame.getByText('PUENTE-7KQ4-M2XD').waitFor()
  t.same(stage.troubles, [])
})

t.test('where nothing can prove who is here, no code is shown that nobody would hear of', async t => {
  const stage = await setStage(t, browser, { cookie: false, prepare: server => (server.ways = []) })
  await stage.frame.getByText('Puente cannot tell who you are').waitFor()
  await stage.frame.getByText('ask your admin').waitFor()
  t.notOk(stage.server.calls.some(one => one.name === 'startPairing'))
  stage.server.ways = ['pairing']
  await stage.frame.getByRole('button', { name: 'Try again' }).click()
  await stage.frame.getByText('PUENTE-7KQ4-M2XD').waitFor()
  t.same(stage.troubles, [])
})

t.test('the live line breaks and comes back: said meanwhile, everything read anew afterwards', async t => {
  const stage = await setStage(t, browser, { expectFailures: true })
  await stage.frame.getByRole('timer').waitFor()
  stage.server.status = makeConversation(false)
  stage.server.dropLines()
  await stage.frame.getByText('No live connection').waitFor()
  await stage.frame.getByText('No live connection').waitFor({ state: 'detached' })
  await stage.frame.getByText('Window closed').waitFor()
})

t.test('a tab that nobody looks at lets go of the line, and takes it up again without a word', async t => {
  const stage = await setStage(t, browser)
  const { server, frame, page } = stage
  await frame.getByRole('timer').waitFor()
  const lines = async (count: number) => {
    while (server.lines() !== count) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await lines(1)
  await page.clock.install()
  const look = (hidden: boolean) =>
    frame.evaluate(
      `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
       document.dispatchEvent(new Event('visibilitychange'))`
    )
  await look(true)
  await page.clock.fastForward(20_000)
  t.equal(server.lines(), 1, 'a glance elsewhere costs nothing')
  await page.clock.fastForward(11_000)
  await lines(0)
  t.equal(await frame.getByText('No live connection').count(), 0)
  await look(false)
  await lines(1)
  server.tell('status', makeConversation(false))
  await frame.getByText('Window closed').waitFor()
  t.same(stage.troubles, [])
})

t.test('what is told live is shown live', async t => {
  const stage = await setStage(t, browser)
  await stage.frame.getByRole('timer').waitFor()
  while (stage.server.lines() === 0) await new Promise(resolve => setTimeout(resolve, 20))
  stage.server.tell('status', makeConversation(false))
  await stage.frame.getByText('Window closed').waitFor()
  stage.server.tell('status', makeConversation(true))
  await stage.frame.getByText('Window open').waitFor()
  t.same(stage.troubles, [])
})

t.test('the window ends while the tab is open: everything closes by itself, also without a live line', async t => {
  const stage = await setStage(t, browser, {
    expectFailures: true,
    prepare: server => {
      const status = makeConversation(true)
      const now = Date.now()
      const window = {
        ...status.window,
        now: new Date(now).toISOString(),
        expiresAt: new Date(now + 2500).toISOString()
      }
      server.status = { ...status, window }
    }
  })
  await stage.frame.getByLabel('Message to the customer').fill('Half a')
  stage.server.refuse.readConversation = { status: 503, code: 'not_stored', title: 'Try again later.' }
  await stage.frame.getByText('Window closed').waitFor()
  t.equal(await stage.frame.getByLabel('Message to the customer').count(), 0, 'no plain text any more')
  await stage.frame
    .getByRole('button', { name: /template/i })
    .first()
    .waitFor()
  await stage.frame.getByRole('tab', { name: 'More' }).click()
  t.equal(await stage.frame.getByRole('button', { name: /Reply buttons/ }).count(), 0, 'nor anything else')
})

t.test('what failed before the desk had a row of it is repeated as a new request', async t => {
  const stage = await setStage(t, browser)
  await stage.frame.getByLabel('Message to the customer').fill('Good morning')
  await stage.frame.getByRole('button', { name: /^Send/ }).click()
  const log = stage.frame.getByRole('log')
  await log.getByText('Good morning').waitFor()
  const sentence = 'Chatwoot did not answer in time. Send it again.'
  stage.server.become([...stage.server.sends.keys()][0] ?? '', {
    state: 'failed',
    messageId: null,
    failure: { code: 'desk_unreachable', metaCode: null, sentence, whoCanMend: 'agent', action: 'resend' }
  })
  await log.getByText(sentence).waitFor()
  await log.getByRole('button', { name: 'Send again' }).click()
  await log.getByText(sentence).waitFor({ state: 'detached' })
  t.equal(stage.server.sent.length, 2)
  const [first, second] = stage.server.sent
  t.same(second?.message, first?.message, 'the same instruction')
  t.not(second?.key, first?.key, 'not answered with the old failure')
  t.equal(await log.getByRole('listitem').count(), 1, 'the failed one is gone')
  t.same(stage.troubles, [])
})

t.test('a reaction can be taken back', async t => {
  const stage = await setStage(t, browser)
  await stage.frame.getByRole('tab', { name: 'More' }).click()
  await stage.frame.getByRole('button', { name: /^Reaction/ }).click()
  await stage.frame.getByText('Take mine back').click()
  await stage.frame.getByRole('button', { name: 'Send', exact: true }).click()
  await stage.frame.getByRole('log').getByText('Take mine back').waitFor()
  t.match(stage.server.sent, [{ message: { kind: 'reaction', emoji: '' } }])
})

t.test('a paused number offers nothing, and says why once', async t => {
  const sentence = 'The account of WhatsApp cannot pay. Tell your admin.'
  const stage = await setStage(t, browser, {
    prepare: server => {
      const status = makeConversation(true)
      const paused = { code: 'wa_payment', metaCode: null, sentence, whoCanMend: 'admin', action: 'ask_admin' } as const
      server.status = {
        ...status,
        allowed: [],
        number: { ...status.number, paused },
        notices: [{ code: 'wa_payment', severity: 'error', sentence }]
      }
    }
  })
  await stage.frame.getByText('This number is paused').waitFor()
  t.equal(await stage.frame.getByText(sentence).count(), 1)
  t.equal(await stage.frame.getByLabel('Message to the customer').count(), 0)
  t.equal(await stage.frame.getByRole('button', { name: 'Reopen' }).count(), 0)
})

t.test(
  'a lost answer: pressed again, the same request goes with the same key; a changed text is a new one',
  async t => {
    const stage = await setStage(t, browser, { expectFailures: true })
    const write = stage.frame.getByLabel('Message to the customer')
    await write.fill('Only once')
    let lost = 0
    const keys: string[] = []
    await stage.page.route('**/api/v1/conversations/57/messages', async route => {
      const request = route.request()
      if (request.method() !== 'POST') return route.continue()
      keys.push(request.headers()['idempotency-key'] ?? '')
      return lost++ === 0 ? route.abort() : route.continue()
    })
    await stage.frame.getByRole('button', { name: /^Send/ }).click()
    await stage.frame.getByText('No answer came').waitFor()
    await stage.frame.getByRole('button', { name: /^Send/ }).click()
    await stage.frame.getByRole('log').getByText('Only once').waitFor()
    await write.fill('Another')
    await stage.frame.getByRole('button', { name: /^Send/ }).click()
    await stage.frame.getByRole('log').getByText('Another').waitFor()
    t.equal(keys[0], keys[1])
    t.not(keys[2], keys[1])
    t.ok((keys[0]?.length ?? 0) >= 8)
  }
)

t.test('a closed window keeps what was typed when it closes, and offers a template', async t => {
  const stage = await setStage(t, browser)
  await stage.frame.getByLabel('Message to the customer').fill('Half a sentence')
  stage.server.tell('status', makeConversation(false))
  await stage.frame.getByText('The window is closed: only templates can be sent.').waitFor()
  stage.server.tell('status', makeConversation(true))
  const write = stage.frame.getByLabel('Message to the customer')
  await write.waitFor()
  t.equal(await write.inputValue(), 'Half a sentence')
})

t.test("in the mobile app's web view: asked through its bridge, answered in snake_case", async t => {
  const server = await startTabServer(t)
  const scene = await browser.newContext({ viewport: { width: 360, height: 640 }, locale: 'en-GB' })
  t.teardown(() => scene.close())
  const { event, data } = (await readContext()) as { event: string; data: Record<string, unknown> }
  const { currentAgent, ...rest } = data
  const context = JSON.stringify({ event, data: { ...rest, current_agent: currentAgent } })
  await scene.addInitScript(`window.asked = []; window.ReactNativeWebView = { postMessage: text => {
    window.asked.push(text)
    setTimeout(() => window.postMessage(${JSON.stringify(context)}, '*'), 50)
  } }`)
  const page = await scene.newPage()
  await page.goto(`${server.url}/app/tab`)
  await page.getByText('PUENTE-7KQ4-M2XD').waitFor()
  t.match(await page.evaluate('window.asked'), ['chatwoot-dashboard-app:fetch-info'])
  server.paired = true
  await page.getByRole('timer').waitFor()
  await page.reload()
  await page.getByRole('timer').waitFor()
  t.equal(server.calls.filter(one => one.name === 'startPairing').length, 1, 'paired once for this tab of the browser')
})

t.test('opened by itself the tab says where it belongs; a context from elsewhere is not listened to', async t => {
  const server = await startTabServer(t)
  const scene = await browser.newContext({ locale: 'en-GB' })
  t.teardown(() => scene.close())
  const page = await scene.newPage()
  await page.goto(`${server.url}/app/tab`)
  await page.evaluate(
    `{ const other = document.createElement('iframe'); document.body.append(other);
       const data = ${JSON.stringify(JSON.stringify(await readContext()))};
       dispatchEvent(new MessageEvent('message', { data, origin: 'https://evil.test', source: other.contentWindow })) }`
  )
  await page.getByText('Open this in a conversation').waitFor({ timeout: 12_000 })
  t.same(server.calls, [], 'nobody was asked anything')
})

t.test('at 200 % zoom and at 320 px everything can be reached', async t => {
  const stage = await setStage(t, browser, { width: 425, height: 390 })
  await stage.frame.getByRole('tab', { name: 'Templates' }).click()
  await stage.frame.locator('#template-t-order').click()
  const send = stage.frame.getByRole('button', { name: 'Send template' })
  await send.scrollIntoViewIfNeeded()
  const box = await send.boundingBox()
  t.ok(box && box.x >= 0 && box.x + box.width <= 425 && box.y + box.height <= 390, 'the button is on screen')
})
