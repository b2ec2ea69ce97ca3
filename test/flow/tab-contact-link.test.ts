// The link on a contact's page: written with the contact at no extra call, and it leads to that contact alone.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

t.test('a new contact carries a link that opens a conversation with it', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { contactId } = await tab.begin({ text: 'Hola' })
  const contact = (await tab.deskCall('GET', `/contacts/${contactId}`)).body.payload
  const link = new URL(contact.custom_attributes.wa_write)
  t.equal(link.pathname, '/wa/app/new')
  t.equal(link.searchParams.get('account'), String(tab.accountId))
  t.notMatch(link.href, contact.phone_number.replace('+', ''), 'neither phone nor name stands in the address')
  const created = flow.ledger({ side: 'desk', what: 'request' }).filter(entry => /\/contacts$/.test(String(entry.name)))
  t.ok(created.length <= 1, 'with the contact itself, by no call of its own')

  const bea = await tab.signIn('bea')
  const customer = link.searchParams.get('customer')
  const found = await tab.call('GET', `/contacts?customer=${customer}`, { as: bea, withDesk: true })
  t.match(found.body, { contacts: [{ contactId, onWhatsApp: true }] })
  const nobody = await tab.call('GET', '/contacts?customer=00000000-0000-4000-8000-000000000000', { as: bea })
  t.match(nobody, { status: 404 })

  const status = await tab.call('GET', `/conversations/${flow.conversations()[0].id}`, { as: bea, withDesk: true })
  t.notOk(
    status.body.sources.some((source: Loose) => source.key.includes('wa_write')),
    'it is no word for customers'
  )

  await t.test('also where an agent or a script writes first', async t => {
    const ada = await tab.signIn('ada')
    const made = await tab.call('POST', '/api-keys', { as: ada, body: { name: 'CRM' } })
    const sent = await tab.call('POST', '/messages', {
      as: { ...ada, token: made.body.key },
      body: {
        phone: '+34611000999',
        message: { kind: 'template', name: 'hello_world', language: 'en_US' }
      }
    })
    t.equal(sent.status, 202, JSON.stringify(sent.body))
    await flow.settle()
    const { payload } = (await tab.deskCall('GET', '/contacts/search?q=34611000999')).body
    t.match(payload[0].custom_attributes.wa_write, /\/wa\/app\/new\?account=\d+&desk=.*&customer=[0-9a-f-]{36}$/)
  })
})

t.test('older messages are reached although whole pages are private notes', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin({ text: 'The very first' })
  for (let n = 0; n < 45; n++) {
    await tab.deskCall('POST', `/conversations/${conversationId}/messages`, { content: `Note ${n}`, private: true })
  }
  const bea = await tab.signIn('bea')
  const read = async (before?: number) => {
    const path = `/conversations/${conversationId}/messages${before === undefined ? '' : `?before=${before}`}`
    return (await tab.call('GET', path, { as: bea, withDesk: true })).body
  }
  const page = await read()
  t.match(page.messages.at(-1), { text: /The very first/ }, 'a page of nothing would look like the end')
  t.equal(page.nextBefore, null)
  for (let n = 0; n < 21; n++) {
    const content = `Answer ${n}`
    await tab.deskCall('POST', `/conversations/${conversationId}/messages`, { content, message_type: 'outgoing' })
    await tab.deskCall('POST', `/conversations/${conversationId}/messages`, { content: `Note`, private: true })
  }
  const seen: string[] = []
  for (let before: number | undefined; ; ) {
    const next: Loose = await read(before)
    seen.push(...next.messages.map((message: Loose) => message.text))
    if (next.nextBefore === null) break
    before = next.nextBefore
  }
  t.equal(seen.filter(text => text.startsWith('Answer')).length, 21)
  t.match(seen.at(-1), /The very first/)
  t.notOk(seen.some(text => text.startsWith('Note')))
})
