// Beginning a conversation: by an agent, by a script with an API key, by a macro of the desk.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab, type Tab, type TabAgent } from './tab-lab.ts'

async function templateNamed(tab: Tab, as: TabAgent, name: string): Promise<Loose> {
  return tab.flow.until('the templates', async () => {
    const numberId = tab.flow.runtime.bridge.registry.numbers()[0]!.id
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as })
    return answer.body.templates?.find((each: Loose) => each.name === name)
  })
}

t.test('an agent begins a conversation', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const bea = await tab.signIn('bea')
  const hello = await templateNamed(tab, bea, 'hello_world')
  const number = flow.runtime.bridge.registry.numbers()[0]!
  const start = (body: object, more: object = {}) =>
    tab.call('POST', '/conversations', {
      as: bea,
      withDesk: true,
      body: { numberId: number.id, message: { kind: 'template', templateId: hello.id, values: {} }, ...body },
      ...more
    })

  await t.test('S45, S47, S48: from the tab, with a phone number that nobody knows yet', async t => {
    const numbers = await tab.call('GET', '/numbers', { as: bea, withDesk: true })
    t.match(numbers.body.numbers, [{ id: number.id, lastUsedAt: null }])
    const text = await start({ phone: '+34 611 00 01 01', message: { kind: 'text', text: 'Hola' } })
    t.match(text, { status: 422, body: { code: 'wa_window_closed' } }, 'only a template may begin')
    const [first, twin] = await Promise.all([
      start({ phone: '+34 611 00 01 01', name: 'Lucía' }),
      start({ phone: '34611000101', name: 'Lucía' })
    ])
    const [told, refused] = first.status === 202 ? [first, twin] : [twin, first]
    t.equal(told.status, 202, JSON.stringify(told.body))
    t.match(refused, { status: 409, body: { code: 'conversation_open' } }, 'two at once do not open two')
    t.ok(told.body.conversationId)
    await flow.until('sent', () => flow.sent().length === 1)
    await flow.settle()
    t.match(flow.sent(), [{ to: '+34611000101', template: { name: 'hello_world' } }])
    const [conversation, ...others] = flow.conversations()
    t.equal(others.length, 0)
    t.match(
      conversation.messages.find((row: Loose) => row.id === told.body.messageId),
      { senderName: 'Bea Agent' }
    )
    const again = await tab.call('GET', '/numbers', { as: bea })
    t.ok(again.body.numbers[0].lastUsedAt, 'last used first')
    // The customer answers into the same conversation.
    await flow.say({ text: 'Gracias' })
    await flow.settle()
    t.equal(flow.conversations().length, 1)
  })

  await t.test('S51: an open conversation is gone to instead', async t => {
    const open = await tab.call('GET', `/conversations?numberId=${number.id}&phone=34611000101`, { as: bea })
    t.match(open.body, { open: { conversationId: Number, link: /\/conversations\/\d+$/, windowOpen: true } })
    const refused = await start({ phone: '+34611000101' })
    t.match(refused, {
      status: 409,
      body: { code: 'conversation_open', conversationId: open.body.open.conversationId, link: open.body.open.link }
    })
    const used = await start({ phone: '+34611000101', ifOpen: 'use', message: { kind: 'text', text: 'Aquí' } })
    t.match(used, { status: 202, body: { conversationId: open.body.open.conversationId } })
    await flow.until('it', () => flow.sent().some(each => each.text?.body === 'Aquí'))
    flow.act({ act: 'resolve', conversationId: open.body.open.conversationId })
    await flow.settle()
    const found = await tab.call('GET', '/contacts?query=Luc', { as: bea, withDesk: true })
    t.match(found.body.contacts, [{ phone: '+34611000101', onWhatsApp: true }])
    const next = await start({ contactId: found.body.contacts[0].contactId })
    t.equal(next.status, 202, JSON.stringify(next.body))
    t.not(next.body.conversationId, open.body.open.conversationId, 'a resolved one stays resolved')
    await flow.settle()
    t.equal(flow.conversations().length, 2)
    t.equal(new Set(flow.conversations().map((each: Loose) => each.contact.id)).size, 1, 'of the same contact')
  })

  await t.test('nobody starts from a number that is not theirs', async t => {
    const cem = await tab.signIn('cem')
    const numbers = await tab.call('GET', '/numbers', { as: cem, withDesk: true })
    t.same(numbers.body.numbers, [])
    const refused = await start({ phone: '+34600000009' }, { as: cem })
    t.match(refused, { status: 403, body: { code: 'not_allowed' } })
    t.match(await start({ phone: '12' }), { status: 400 })
    t.match(await start({ phone: '+12 34' }), { status: 422, body: { code: 'no_recipient' } })
    t.match(await start({ phone: '+34600000009' }, { key: false }), { status: 400 }, 'without an Idempotency-Key')
  })
})

t.test('S46, S64: scripts and macros', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const ada = await tab.signIn('ada')
  await templateNamed(tab, ada, 'welcome_offer')
  const made = await tab.call('POST', '/api-keys', { as: ada, body: { name: 'CRM' } })
  t.equal(made.status, 201, JSON.stringify(made.body))
  const crm = { token: made.body.key } as TabAgent
  const message = {
    kind: 'template',
    name: 'welcome_offer',
    language: 'en_US',
    slots: { 'body.first_name': 'Ana', 'body.discount_code': 'HI' }
  }

  await t.test('a CRM sends by API key, and finds it again by its own reference', async t => {
    const body = { phone: '+34611000101', name: 'Ana', externalRef: 'deal-17', message }
    t.match(await tab.call('POST', '/messages', { body }), { status: 401, body: { code: 'key_invalid' } })
    t.match(await tab.call('POST', '/messages', { as: ada, body }), { status: 401 }, 'a session is no key')
    const first = await tab.call('POST', '/messages', { as: crm, body, key: 'crm-deal-17' })
    t.match(first, { status: 202, body: { externalRef: 'deal-17' } }, JSON.stringify(first.body))
    const again = await tab.call('POST', '/messages', { as: crm, body, key: 'crm-deal-17' })
    t.equal(again.body.sendId, first.body.sendId)
    await flow.until('sent', () => flow.sent().length === 1)
    await flow.settle()
    t.equal(flow.sent().length, 1)
    const listed = await tab.call('GET', '/messages?externalRef=deal-17', { as: crm })
    t.match(listed.body.messages, [
      { sendId: first.body.sendId, state: /^(sent|delivered|read)$/, wamids: [/^wamid\./] }
    ])
    const refused = await tab.call('POST', '/messages', { as: crm, body: { ...body, ifOpen: 'refuse' } })
    t.match(refused, { status: 409, body: { code: 'conversation_open', link: /conversations/ } })
    const bad = { ...body, ifOpen: 'use', message: { ...message, slots: {} } }
    t.match(await tab.call('POST', '/messages', { as: crm, body: bad }), {
      status: 422,
      body: { problems: [{ where: 'body.first_name' }, { where: 'body.discount_code' }] }
    })
    await tab.call('DELETE', `/api-keys/${made.body.info.id}`, { as: ada })
    t.equal((await tab.call('GET', '/messages?externalRef=deal-17', { as: crm })).status, 401, 'an ended key is none')
  })

  await t.test('a macro’s hook sends its template, once for a double press', async t => {
    const template = await templateNamed(tab, ada, 'welcome_offer')
    const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
    const slots = {
      'body.first_name': { source: 'contact.first_name', fallback: 'there' },
      'body.discount_code': { source: 'conversation.custom.code', fallback: 'TEN' }
    }
    const hook = await tab.call('POST', '/hooks', {
      as: ada,
      body: { name: 'Offer', numberId, templateId: template.id, slots }
    })
    t.equal(hook.status, 201, JSON.stringify(hook.body))
    const conversationId = flow.conversations()[0].id
    const before = flow.sent().length
    const press = () =>
      fetch(hook.body.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ event: 'macro.executed', id: conversationId, meta: { sender: { name: 'Forged' } } })
      })
    const [one, two] = await Promise.all([press(), press()])
    t.same([one.status, two.status], [202, 202])
    await flow.until('it', () => flow.sent().length > before)
    await flow.settle()
    t.equal(flow.sent().length - before, 1)
    t.match(flow.sent().at(-1).template.components[0].parameters, [{ text: 'Ana' }, { text: 'TEN' }])
    const wrong = await fetch(`${hook.body.url.slice(0, -4)}AAAA`, { method: 'POST' })
    t.equal(wrong.status, 401)
    await tab.call('DELETE', `/hooks/${hook.body.hook.id}`, { as: ada })
    t.equal((await press()).status, 401)
  })
})
