/** `puente start` in trouble: every fault that the page offers; each message arrives once. */
import t from 'tap'
import { shoot } from '../support/browser.ts'
import { openStarted, pause } from '../support/started.ts'

t.test('what a person can break from the page', async t => {
  const { url, page, phone, rows, strip, faults, write, answer, once } = await openStarted(t)
  await write('Good morning')
  await rows.getByText('Good morning').waitFor()

  const all = strip.locator('button.chip:not(.clear)')
  const labels = (await all.allInnerTexts()).map(label => label.trim())
  const troubles = labels.map((label, index) => ({ label, index })).filter(({ label }) => !/Receipts|Phone/.test(label))
  t.equal(troubles.length, 9, labels.join())
  /** Whether WhatsApp took what it answers 503 nobody knows, and the lane waits a minute for word of it. */
  const isUnknown = (index: number): boolean => index === labels.indexOf('5xx')

  await t.test('each trouble of the strip is switched on while both sides write', async () => {
    const pressed = strip.locator('button.chip[aria-pressed=true]')
    for (const { label, index } of troubles) {
      await all.nth(index).click()
      await pressed.first().waitFor()
      const reply = `Answered under ${label}, ${index}`
      await write(`Asked under ${label}, ${index}`)
      if (!isUnknown(index)) await answer(reply)
      await pause(1_500)
      // On a slow machine the answer leaves later than that, and the trouble was meant for it. Some hold it back.
      await phone
        .getByText(reply)
        .waitFor({ timeout: isUnknown(index) ? 1 : 5_000 })
        .catch(() => {})
      const off = strip.getByRole('button', { name: 'All off' })
      if (await off.isVisible()) await off.click()
      await pressed.first().waitFor({ state: 'detached' })
    }
    await shoot(page, 'start-faults')
  })

  await t.test('each message arrived once, also those whose hooks nobody took', async () => {
    for (const { label, index } of troubles) {
      await once(rows.getByText(`Asked under ${label}, ${index}`))
      if (!isUnknown(index)) await once(phone.getByText(`Answered under ${label}, ${index}`))
    }
    const ledger = await fetch(`${url}/__ledger?side=graph&what=call&after=0&limit=10000`)
    const calls = (await ledger.json()) as { fault?: string; ids: { kind?: string } }[]
    const cutOff = calls.filter(call => call.fault === 'timeout_after_accept')
    t.match(cutOff, [{ ids: { kind: 'send' } }], 'the fault met a message, not a typing sign')
    await rows.getByText('Failed to send').first().waitFor({ state: 'detached' })
  })

  await shoot(page, 'start-troubles')
  t.same(faults, [])
})
