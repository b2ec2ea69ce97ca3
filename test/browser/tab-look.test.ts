/** How the tab looks and what assistive tools find, in light, dark, es, ar, wide and at 320 px. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { artefactFolder, openBrowser } from '../support/browser.ts'
import { buildPages } from '../support/built-pages.ts'
import { judge, type StageLook, setStage } from '../support/tab-stage.ts'
import { ago, failure, hourMs, makeConversation } from '../support/tab-world.ts'

let browser: Browser

t.before(async () => {
  await mkdir(join(artefactFolder, 'tab'), { recursive: true })
  await buildPages()
  browser = await openBrowser(t)
})

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
