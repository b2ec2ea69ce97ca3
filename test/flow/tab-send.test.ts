// Sending from the tab: once in the conversation, once on WhatsApp, under the agent's name, by the lanes of everything else.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab, type Tab, type TabAgent } from './tab-lab.ts'

const HOUR_MS = 3_600_000

async function templates(tab: Tab, as: TabAgent): Promise<Loose[]> {
  return tab.flow.until('the templates', async () => {
    const numberId = tab.flow.runtime.bridge.registry.numbers()[0]!.id
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as })
    return answer.body.templates?.length > 0 ? answer.body.templates : null
  })
}

const rowsOf = (tab: Tab, conversationId: number): Loose[] =>
  tab.flow.conversations().find(each => each.id === conversationId).messages

t.test('texts and templates, in the agent’s own name', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const send = (message: object, more: object = {}) =>
    tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      withDesk: true,
      body: { message },
      ...more
    })
  const sendInfo = (sendId: string) => tab.call('GET', `/sends/${sendId}`, { as: bea })

  await t.test('S56: a text stands once in the desk under her name and leaves once', async t => {
    const first = await send({ kind: 'text', text: 'Hello **Ana**' }, { key: 'the-same-key' })
    t.equal(first.status, 202, JSON.stringify(first.body))
    t.ok(first.body.messageId)
    const again = await send({ kind: 'text', text: 'Hello **Ana**' }, { key: 'the-same-key' })
    t.equal(again.body.sendId, first.body.sendId, 'the same key is the same message')
    t.match(await send({ kind: 'text', text: 'Other' }, { key: 'the-same-key' }), {
      status: 409,
      body: { code: 'idempotency_clash' }
    })
    await flow.until('read', async () => (await sendInfo(first.body.sendId)).body.state === 'read')
    await flow.settle()
    t.same(
      flow.sent().map(each => each.text?.body),
      ['Hello *Ana*']
    )
    const rows = rowsOf(tab, conversationId).filter(row => row.id === first.body.messageId)
    t.equal(rows.length, 1)
    t.match(rows[0], { content: 'Hello **Ana**', status: 'read', senderName: 'Bea Agent' })
  })

  await t.test('S54: without the desk session the service user writes, and names her', async t => {
    const answer = await send({ kind: 'text', text: 'From elsewhere' }, { withDesk: false })
    await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'From elsewhere'))
    const row = rowsOf(tab, conversationId).find(each => each.id === answer.body.messageId)
    t.match(row.content, /Bea Agent/)
    t.match(row.content, /From elsewhere$/)
    t.equal(row.senderName, 'Puente Service')
    t.equal(
      flow.sent().filter(each => each.text?.body?.includes('Bea Agent')).length,
      0,
      'the customer does not see that'
    )
  })

  const all = await templates(tab, bea)
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const byName = (name: string, language?: string): Loose =>
    all.find(each => each.name === name && (language === undefined || each.language === language))

  await t.test('S97: slots are filled from the contact, the preview is what is sent', async t => {
    const welcome = byName('welcome_offer')
    const detail = await tab.call(
      'GET',
      `/templates/${welcome.id}?numberId=${numberId}&conversationId=${conversationId}`,
      {
        as: bea
      }
    )
    t.equal(detail.status, 200, JSON.stringify(detail.body))
    t.same(detail.body.suggested['body.first_name'], { kind: 'source', source: 'contact.first_name', fallback: '' })
    t.match(detail.body.preview.body.text, /^Hi Lucía, use \{\{discount_code\}\}/)
    t.match(detail.body.problems, [{ where: 'body.discount_code', code: 'missing', blocking: true }])
    const empty = await send({ kind: 'template', templateId: welcome.id, values: detail.body.suggested })
    t.match(empty, {
      status: 422,
      body: { code: 'wa_template_parameters', problems: [{ where: 'body.discount_code' }] }
    })
    const values = { ...detail.body.suggested, 'body.discount_code': { kind: 'text', text: 'TAKE25' } }
    const preview = await tab.call('POST', `/templates/${welcome.id}/preview`, {
      as: bea,
      body: { numberId, conversationId, values }
    })
    t.same(preview.body.problems, [])
    const told = await send({ kind: 'template', templateId: welcome.id, values })
    t.equal(told.status, 202, JSON.stringify(told.body))
    const sent = await flow.until('the template', () =>
      flow.sent().find(each => each.template?.name === 'welcome_offer')
    )
    t.same(sent.template.components[0].parameters, [
      { type: 'text', parameter_name: 'first_name', text: 'Lucía' },
      { type: 'text', parameter_name: 'discount_code', text: 'TAKE25' }
    ])
    const row = rowsOf(tab, conversationId).find(each => each.id === told.body.messageId)
    t.match(row.content, /Hi Lucía, use TAKE25 for 25% off/)
    t.equal(preview.body.preview.body.text, 'Hi Lucía, use TAKE25 for 25% off your first order.')
    await tab.call('PUT', `/templates/${byName('hello_world').id}/favourite`, {
      as: bea,
      body: { numberId, favourite: true }
    })
    const list = await templates(tab, bea)
    t.same(
      list.slice(0, 2).map(each => each.name),
      ['hello_world', 'welcome_offer'],
      'favourites, then what was used'
    )
  })

  await t.test('S74: a header picture is uploaded once and goes with the template', async t => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64'
    )
    const upload = await tab.call('POST', '/uploads?name=shop.png', {
      as: bea,
      raw: png,
      headers: { 'content-type': 'image/png' }
    })
    t.match(
      upload,
      { status: 201, body: { sendsAs: 'image', mimeType: 'image/png', refusal: null } },
      JSON.stringify(upload.body)
    )
    const { uploadId } = upload.body
    const template = byName('reservation_confirmation')
    const values = {
      header: { kind: 'upload', uploadId },
      'body.number_of_guests': { kind: 'text', text: '2' },
      'body.day': { kind: 'text', text: 'Sunday' },
      'button.0': { kind: 'text', text: 'x7' }
    }
    const told = await send({ kind: 'template', templateId: template.id, values })
    t.equal(told.status, 202, JSON.stringify(told.body))
    const sent = await flow.until('it', () => flow.sent().find(each => each.template?.name === template.name))
    t.match(sent.template.components[0], { type: 'header', parameters: [{ type: 'image', image: { id: /^\d+$/ } }] })
    const cem = await tab.signIn('cem')
    await tab.deskCall('PATCH', '/inbox_members', {
      inbox_id: tab.inboxId,
      user_ids: [tab.people.bea.id, tab.people.cem.id]
    })
    await flow.until('Cem to be let in', async () => {
      const seen = await tab.call('GET', `/conversations/${conversationId}`, { as: cem, withDesk: true })
      return seen.status === 200
    })
    const stolen = await tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: cem,
      withDesk: true,
      body: { message: { kind: 'template', templateId: template.id, values } }
    })
    t.match(stolen, { status: 422, body: { problems: [{ where: 'header' }] } }, 'somebody else’s upload is nobody’s')
    const picture = await send({ kind: 'media', file: { from: 'upload', uploadId }, caption: 'Our shop' })
    await flow.until('the picture', () => flow.sent().some(each => each.image?.caption === 'Our shop'))
    const row = rowsOf(tab, conversationId).find(each => each.id === picture.body.messageId)
    t.equal(row.attachments?.length, 1, 'shown as a file in the desk')
    const kept = await tab.call('POST', '/library', { as: bea, body: { kind: 'file', uploadId, title: 'Shop front' } })
    t.equal(kept.status, 201)
    const library = await tab.call('GET', '/library?query=front', { as: bea })
    t.match(library.body.items, [{ title: 'Shop front', sendsAs: 'image', mayDelete: true }])
    const fromLibrary = await send({ kind: 'media', file: { from: 'library', itemId: kept.body.itemId } })
    t.equal(fromLibrary.status, 202)
    await flow.until('from the library', () => flow.sent().filter(each => each.image !== undefined).length === 2)
  })

  await t.test('S78: everything that is known of a message', async t => {
    const number = flow.runtime.bridge.registry.numbers()[0]!
    const list = await tab.call('GET', `/conversations/${conversationId}/messages`, { as: bea, withDesk: true })
    t.equal(list.status, 200)
    const text = list.body.messages.find((each: Loose) => each.text === 'Hello **Ana**')
    t.equal(text.state, 'read')
    const details = await tab.call('GET', `/conversations/${conversationId}/messages/${text.messageId}`, { as: bea })
    t.equal(details.status, 200, JSON.stringify(details.body))
    t.match(details.body, {
      direction: 'out',
      from: number.displayPhoneNumber,
      to: '+34611000101',
      state: 'read',
      failure: null
    })
    t.match(details.body.parts, [{ part: 0, attempt: 1, wamid: /^wamid\./, state: 'read' }])
    const steps = details.body.timeline.map((each: Loose) => each.step)
    for (const step of ['written', 'stored', 'attempted', 'accepted', 'sent', 'delivered', 'read', 'told'])
      t.ok(steps.includes(step), step)
    const way = ['written', 'attempted', 'accepted', 'sent', 'delivered', 'read'].map(step => steps.indexOf(step))
    t.same(
      way,
      [...way].sort((a, b) => a - b),
      'in the order in which things happened'
    )
    const incoming = list.body.messages.find((each: Loose) => each.direction === 'in')
    const received = await tab.call('GET', `/conversations/${conversationId}/messages/${incoming.messageId}`, {
      as: bea
    })
    t.match(received.body, { direction: 'in', from: '+34611000101', to: number.displayPhoneNumber })
    t.same(
      received.body.timeline.map((each: Loose) => each.step),
      ['sent', 'received', 'shown']
    )
  })

  await t.test('S49, S54: outside the window only templates; a parked answer is recalled for one', async t => {
    await flow.settle()
    await flow.door('clock', { jumpMs: 25 * HOUR_MS })
    const { messageId } = flow.reply({ conversationId, content: 'too late' })
    const status = await flow.until('parked', async () => {
      const answer = await tab.call('GET', `/conversations/${conversationId}`, { as: bea })
      return answer.body.parked?.length === 1 ? answer.body : null
    })
    t.match(status, { window: { open: false }, allowed: ['template'], parked: [{ messageId, text: 'too late' }] })
    t.match(await send({ kind: 'text', text: 'nor this' }), { status: 422, body: { code: 'wa_window_closed' } })
    const template = byName('hello_world')
    const told = await send({ kind: 'template', templateId: template.id, values: {}, insteadOf: messageId })
    t.equal(told.status, 202, JSON.stringify(told.body))
    await flow.until('the template', () => flow.sent().some(each => each.template?.name === 'hello_world'))
    const after = await tab.call('GET', `/conversations/${conversationId}`, { as: bea })
    t.same(after.body.parked, [])
    await flow.say({ text: 'I am back' })
    await flow.settle()
    t.notOk(
      flow.sent().some(each => each.text?.body === 'too late'),
      'what was recalled never leaves'
    )
    const gone = await tab.call('POST', `/conversations/${conversationId}/messages/${messageId}/recall`, { as: bea })
    t.match(gone, { status: 409, body: { code: 'not_parked' } })
  })
})
