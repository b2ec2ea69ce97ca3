/** `puente start`, one command: a phone, a desk, and all that is shipped between them. */
import type { Locator } from 'playwright-core'
import t from 'tap'
import { shoot } from '../support/browser.ts'
import { openStarted } from '../support/started.ts'

const text =
  (words: RegExp) =>
  (rows: Locator): Locator =>
    rows.locator('li', { hasText: words })
const titled =
  (name: RegExp) =>
  (rows: Locator): Locator =>
    rows.getByLabel(name)

/** What the phone's menu offers, and what must stand in the desk. A group has a conversation of its own. */
const SAMPLES: [sample: string, shown: (rows: Locator) => Locator][] = [
  ['Picture', text(/A picture from my phone/)],
  ['Video', titled(/^Video video\.mp4$/)],
  ['Voice note', titled(/^Audio voice\.ogg$/)],
  ['Document', text(/receipt\.pdf/)],
  ['Sticker', rows => rows.getByAltText(/sticker\.webp/)],
  ['Animated sticker', rows => rows.getByAltText(/sticker\.webp/).nth(1)],
  ['Location', text(/37\.442215, -122\.161659\s*Open map/)],
  ['Contact card', text(/Dr\. Barbara J\. Johnson Jr\..*\+1 \(555\) 010-0444/s)],
  ['Poll', text(/A poll, which WhatsApp does not pass on/)],
  ['Order', text(/sku-001.*\$60\.00.*Total: \$67\.99/s)],
  ['Form answer', text(/Form answers.*Rating.*4/s)],
  ['List reply', rows => rows.locator('strong', { hasText: 'Yes' })],
  ['Button reply', rows => rows.locator('strong', { hasText: 'Yes' }).nth(1)],
  ['Came from an ad', text(/From an ad.*Chat with us.*Open the ad/s)],
  ['Forwarded text', text(/Forwarded.*The shop opens at nine/s)],
  ['Call the business', text(/is calling/)],
  ['Change number', text(/changed the WhatsApp number/)]
]

t.test('one command, a phone and a desk', async t => {
  const { page, phone, desk, rows, strip, faults, write, answer, once } = await openStarted(t)

  await t.test('another customer is chosen and writes', async () => {
    const customers = phone.getByRole('list', { name: 'Customers' }).getByRole('button')
    await customers.nth(1).click()
    await write('Do you *deliver* to Lisbon?')
    await once(rows.getByText('Do you deliver to Lisbon?'))
    t.equal(await rows.locator('strong', { hasText: 'deliver' }).count(), 1)
  })

  await t.test('every kind that a phone can send is shown, and nothing is an empty bubble', async () => {
    for (const [sample, shown] of SAMPLES) {
      await phone.getByRole('button', { name: 'Send a sample' }).click()
      await phone.getByRole('menuitem', { name: sample, exact: true }).click()
      const found = shown(rows)
      await found.first().waitFor()
      t.equal(await found.count(), 1, sample)
    }
    const empty = rows.locator('li.row').filter({ hasNot: page.locator('.prose, .files') })
    t.equal(await empty.count(), 0)
    const pictures = await rows.locator('img').evaluateAll(all => all.map(each => each.clientWidth))
    t.ok(pictures.length >= 3 && pictures.every(width => width > 20), `drawn: ${pictures.join()}`)
    await phone.getByRole('button', { name: 'Send a sample' }).click()
    await phone.getByRole('menuitem', { name: 'Group message' }).click()
    await desk.getByRole('region', { name: 'Conversations' }).getByText(/group/i).first().waitFor()
    await shoot(page, 'start-kinds')
  })

  await t.test('the answer reaches the phone, and its ticks turn from one to two to blue', async () => {
    await strip.getByRole('button', { name: 'Phone off' }).click()
    await strip.getByRole('button', { name: 'Phone off', pressed: true }).waitFor()
    await answer('Every **Tuesday**.')
    const mine = rows.locator('li.outgoing', { hasText: 'Every Tuesday.' })
    await mine.getByRole('img', { name: 'Sent' }).waitFor()
    await strip.getByRole('button', { name: 'Phone off' }).click()
    await mine.getByRole('img', { name: 'Read' }).waitFor()
    t.equal(await phone.locator('strong', { hasText: 'Tuesday' }).count(), 1, 'bold stays bold')
  })

  await t.test('after a day only a template reaches the customer', async () => {
    await page.getByRole('button', { name: 'Jump 24 h' }).click()
    await desk.getByRole('status').getByText('24 hour').waitFor()
    await desk.getByRole('button', { name: 'WhatsApp templates' }).click()
    const picker = page.getByRole('dialog', { name: 'WhatsApp templates' })
    await picker.getByRole('button', { name: /^order_confirmation .*en_US/ }).click()
    await picker.getByLabel('Value for 1').fill('João')
    await picker.getByLabel('Value for 2').fill('860198')
    await picker.getByRole('button', { name: 'Send template' }).click()
    await once(phone.getByText('Thank you, João! Your order 860198 is confirmed.'))
    await write('Thank you')
    await once(rows.getByText('Thank you', { exact: true }))
    await answer('You are welcome.')
    await once(phone.getByText('You are welcome.'))
  })

  await t.test('a customer is added; a reset begins anew with another number and another desk', async () => {
    await phone.getByRole('button', { name: 'Add a customer' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name on WhatsApp').fill('Noa Peretz')
    await dialog.getByLabel('Phone, with the country code').fill('+972 50 555 0147')
    await dialog.getByRole('button', { name: 'Add' }).click()
    await phone.getByText('Noa Peretz’s phone').waitFor()
    await once(rows.getByText('Hello!', { exact: true }))
    await write('Shalom')
    await once(rows.getByText('Shalom', { exact: true }))
    await answer('Hello Noa')
    await once(phone.getByText('Hello Noa'))
    await page.getByRole('button', { name: 'Reset' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click()
    // It stays open until Puente has connected the new number.
    await page.getByRole('dialog').waitFor({ state: 'detached', timeout: 40_000 })
    await desk.getByText('No conversations yet').waitFor()
    await write('To the new number')
    await once(rows.getByText('To the new number'))
    await answer('From the new desk')
    await once(phone.getByText('From the new desk'))
    await rows.getByRole('img', { name: 'Read' }).first().waitFor()
  })
  await shoot(page, 'start-end')
  t.same(faults, [])
})
