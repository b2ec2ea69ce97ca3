/** How the tab looks and what assistive tools find: every state once, in light, dark, es, ar, wide and at 320 px. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { artefactFolder, findViolations, openBrowser, shoot } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import { type Stage, type StageLook, setStage } from '../support/tab-stage.ts'
import { ago, failure, hourMs, makeConversation } from '../support/tab-world.ts'

let browser: Browser

t.before(async () => {
  await mkdir(join(artefactFolder, 'tab'), { recursive: true })
  await buildPages()
  browser = await openBrowser(t)
})

/** The picture, axe's findings and what the console said: all three belong to every state. */
async function judge(t: Test, stage: Stage, name: string): Promise<void> {
  await shoot(stage.page, `tab/${name}`)
  t.same(await findViolations(stage.frame as unknown as Page), [], `${name}: axe`)
  const wide = await stage.frame.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  t.ok(wide <= 0, `${name}: nothing sticks out sideways (${wide} px)`)
  t.same(stage.troubles, [], `${name}: console`)
}

const busy: NonNullable<StageLook['prepare']> = server => {
  server.status = {
    ...makeConversation(false),
    consent: { marketing: 'stopped', at: ago(hourMs) },
    number: { ...makeConversation(false).number, quality: 'yellow' } as never,
    notices: [
      {
        code: 'quality_low',
        severity: 'warning',
        sentence: 'Meta rates this number medium. Send fewer marketing messages.'
      }
    ],
    parked: [
      {
        messageId: 820,
        text: 'Sí, la lámpara sigue disponible y se la podemos enviar hoy mismo.',
        parkedAt: ago(2 * hourMs),
        until: ago(-20 * hourMs)
      }
    ],
    lastFailure: { messageId: 811, at: ago(6 * hourMs), text: 'Su pedido llega el lunes.', failure },
    elsewhere: [{ conversationId: 60, channel: 'Channel::Email', inboxName: 'Correo', link: 'http://desk.test/c/60' }],
    receipts: 'probably_off'
  } as never
}

const looks: Record<string, StageLook & { brief?: boolean }> = {
  light: {},
  dark: { dark: true },
  es: { locale: 'es-ES', brief: true },
  pt: { locale: 'pt-BR', width: 500, brief: true },
  ar: { locale: 'ar' },
  narrow: { width: 320, height: 720 },
  'narrow-dark-es': { width: 320, height: 720, dark: true, locale: 'es-MX', brief: true }
}

for (const [name, look] of Object.entries(looks)) {
  t.test(`the tab in ${name}`, async t => {
    const stage = await setStage(t, browser, look)
    const { frame, server } = stage
    await frame.getByRole('timer').waitFor()
    await frame.locator('header button').first().waitFor()
    await judge(t, stage, `${name}-open`)
    const tabs = frame.getByRole('tab')
    if (!look.brief) {
      await tabs.nth(2).click()
      await frame.locator('#compose-buttons').waitFor()
      await judge(t, stage, `${name}-more`)
      await tabs.nth(3).click()
      await frame.getByText('Buenos días, Ana.').waitFor()
      await judge(t, stage, `${name}-history`)
    }
    await tabs.nth(3).click()
    await frame.getByText('Su pedido llega').click()
    await frame.getByText('Puente handed it to WhatsApp.').waitFor()
    await judge(t, stage, `${name}-details`)
    await stage.page.keyboard.press('Escape')
    busy(server)
    server.tell('status', server.status)
    await tabs.nth(1).click()
    await frame.locator('[role="option"]').first().waitFor()
    await judge(t, stage, `${name}-closed`)
    await frame.locator('#template-t-order').click()
    await frame.locator('.studio strong', { hasText: 'Ana Torres' }).first().waitFor()
    await judge(t, stage, `${name}-studio`)
  })
}

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
