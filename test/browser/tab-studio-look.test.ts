/** How the tab's studio, its forms and its states look, and what assistive tools find in them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { artefactFolder, openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import { judge, setStage } from '../support/tab-stage.ts'
import { failure, makeConversation } from '../support/tab-world.ts'

let browser: Browser

t.before(async () => {
  await mkdir(join(artefactFolder, 'tab'), { recursive: true })
  await buildPages()
  browser = await openBrowser(t)
})

t.test('the studio shows every kind of template', async t => {
  const stage = await setStage(t, browser, { height: 1100 })
  await stage.frame.getByRole('tab', { name: 'Templates' }).click()
  for (const [id, name] of [
    ['t-offer', 'offer'],
    ['t-cards', 'carousel'],
    ['t-store', 'location'],
    ['t-otp', 'code']
  ] as const) {
    await stage.frame.locator(`#template-${id}`).click()
    await stage.frame.locator('.studio form, .studio .field, .studio fieldset').first().waitFor()
    await judge(t, stage, `studio-${name}`)
    await stage.frame.getByRole('button', { name: 'Back to the templates' }).click()
  }
  await stage.frame.getByLabel('Language').selectOption('ar')
  await stage.frame.locator('#template-t-ar').click()
  await stage.frame.locator('.studio [dir="rtl"]').waitFor()
  await judge(t, stage, 'studio-rtl')
})

t.test('every form of “More” with its preview', async t => {
  const stage = await setStage(t, browser, { height: 900 })
  await stage.frame.getByRole('tab', { name: 'More' }).click()
  for (const kind of [
    'buttons',
    'list',
    'url_button',
    'location',
    'location_request',
    'contacts',
    'voice',
    'sticker',
    'reaction'
  ]) {
    await stage.frame.locator(`#compose-${kind}`).click()
    await stage.frame.getByRole('button', { name: 'Back to all kinds' }).waitFor()
    if (kind === 'reaction') await stage.frame.getByRole('radio').first().waitFor({ state: 'attached' })
    await judge(t, stage, `compose-${kind}`)
    await stage.frame.getByRole('button', { name: 'Back to all kinds' }).click()
  }
})

t.test('states: paused number, sending, failed, start, another inbox, no permission, pairing, offline', async t => {
  const paused = await setStage(t, browser, {
    prepare: server => {
      const status = makeConversation(true)
      const stop = { ...failure, code: 'wa_token_invalid', whoCanMend: 'admin' as const, action: 'ask_admin' as const }
      server.status = {
        ...status,
        allowed: [],
        deskStatus: 'resolved',
        notices: [
          {
            code: 'wa_token_invalid',
            severity: 'error',
            sentence: 'The access to WhatsApp has expired. Ask your admin to reconnect the number.'
          }
        ],
        number: {
          ...status.number,
          paused: { ...stop, sentence: 'The access to WhatsApp has expired. Ask your admin to reconnect the number.' }
        }
      }
    }
  })
  await paused.frame.getByText('This number is paused').waitFor()
  await judge(t, paused, 'state-paused')

  const sending = await setStage(t, browser)
  const write = sending.frame.getByLabel('Message to the customer')
  for (const words of ['Good morning', 'Your order is here', 'See you soon']) {
    await write.fill(words)
    await sending.frame.getByRole('button', { name: /^Send/ }).click()
    await sending.frame.getByText(words).waitFor()
  }
  const [first, second] = [...sending.server.sends.keys()]
  sending.server.become(first ?? '', { state: 'read' })
  sending.server.become(second ?? '', { state: 'failed', failure })
  await sending.frame.getByText('Edit the number').waitFor()
  await judge(t, sending, 'state-sending')
  await sending.frame.getByRole('button', { name: 'More actions' }).click()
  await sending.frame.getByRole('menu').waitFor()
  await judge(t, sending, 'state-menu')
  await sending.frame.getByRole('menuitem', { name: 'Start a conversation' }).click()
  await sending.frame.getByRole('combobox', { name: 'To' }).waitFor()
  await judge(t, sending, 'state-start')

  const other = await setStage(t, browser, {
    prepare: server => {
      server.status = {
        served: false,
        conversationId: 57,
        sentence: 'This conversation is not on WhatsApp: nothing to do here.'
      }
    }
  })
  await other.frame.getByText('not on WhatsApp').waitFor()
  await judge(t, other, 'state-other-inbox')

  const forbidden = await setStage(t, browser, {
    expectFailures: true,
    prepare: server => {
      server.refuse.readConversation = {
        status: 403,
        code: 'forbidden',
        title: 'You may not see this conversation. Ask your admin for access.'
      }
    }
  })
  await forbidden.frame.getByText('You cannot see this conversation').waitFor()
  await judge(t, forbidden, 'state-forbidden')

  const pairing = await setStage(t, browser, { cookie: false })
  await pairing.frame.getByText('PUENTE-7KQ4-M2XD').waitFor()
  await judge(t, pairing, 'state-pairing')

  const failed = await setStage(t, browser, {
    expectFailures: true,
    prepare: server => {
      server.refuse.readConversation = {
        status: 500,
        code: 'internal',
        title: 'Something went wrong in Puente. Try again, or tell your admin.'
      }
    }
  })
  await failed.frame.getByText('Something went wrong', { exact: true }).waitFor()
  await judge(t, failed, 'state-failed')

  const library = await setStage(t, browser, { width: 500 })
  await library.frame.getByRole('button', { name: 'Insert from the library' }).click()
  await library.frame.getByText('Catálogo 2026').waitFor()
  await judge(t, library, 'state-library')
})
