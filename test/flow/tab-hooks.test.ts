// Hooks for macros and automations of the desk: only such as can be filled, and a press that sends nothing is told.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab, type Tab, type TabAgent } from './tab-lab.ts'
import { query } from './talk.ts'

interface Lab {
  tab: Tab
  ada: TabAgent
  numberId: number
  conversationId: number
  templates: Loose[]
  make(body: Loose): Promise<{ status: number; body: Loose }>
  /** As the desk posts it. */
  press(url: string, event?: string, at?: number): Promise<number>
  notes(at?: number): string[]
}

async function openLab(t: { teardown(work: () => unknown): unknown }, mediaOrigins: string[] = []): Promise<Lab> {
  const tab = await openTab(t, { options: { mediaOrigins } })
  const { flow } = tab
  const ada = await tab.signIn('ada')
  const { conversationId } = await tab.begin({ text: 'Hola' })
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const listed = await flow.until('the templates', async () => {
    const answer = await tab.call('GET', `/hooks/templates?numberId=${numberId}`, { as: ada })
    return answer.body.templates?.length > 0 && answer.body
  })
  return {
    tab,
    ada,
    numberId,
    conversationId,
    templates: listed.templates,
    make: body => tab.call('POST', '/hooks', { as: ada, body: { name: 'A hook', numberId, ...body } }),
    async press(url, event = 'macro.executed', at = conversationId) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ event, id: at })
      })
      return answer.status
    },
    notes: (at = conversationId) =>
      flow
        .conversations()
        .find((one: Loose) => one.id === at)!
        .messages.filter((row: Loose) => row.private)
        .map((row: Loose) => row.content)
  }
}

/** A picture at an address of the shop's own. */
async function servePicture(t: { teardown(work: () => unknown): unknown }): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/spring.png') response.setHeader('content-type', 'image/png').end(PNG)
    else response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64'
)

const named = (lab: Lab, name: string): Loose => {
  const found = lab.templates.find(one => one.name === name)
  if (found === undefined) throw new Error(`no template ${name} among ${lab.templates.map(one => one.name)}`)
  return found
}

t.test('what could not be filled at a press is refused when the hook is made', async t => {
  const lab = await openLab(t)
  const { tab, ada } = lab
  const offer = named(lab, 'welcome_offer')
  t.match(offer, {
    problem: null,
    slots: [{ key: 'body.first_name' }, { key: 'body.discount_code' }],
    suggested: { 'body.first_name': { source: 'contact.first_name' } }
  })
  const refused = async (slots: Loose, problems: Loose[], templateId = offer.id) => {
    const answer = await lab.make({ templateId, slots })
    t.equal(answer.status, 422, JSON.stringify(answer.body))
    t.match(answer.body, { code: 'wa_template_parameters', problems })
  }
  const name = { source: 'contact.first_name', fallback: 'amigo' }
  await refused({ 'body.first_name': name }, [{ where: 'body.discount_code', code: 'missing' }])
  await refused({ 'body.first_name': name, 'body.discount_code': { text: ' ' } }, [{ where: 'body.discount_code' }])
  await refused({ 'body.first_name': { source: 'agent.name' }, 'body.discount_code': { text: 'TEN' } }, [
    { where: 'body.first_name', code: 'source_unknown' }
  ])
  await refused({ 'body.first_name': { source: 'contact.shoe_size' }, 'body.discount_code': { text: 'TEN' } }, [
    { where: 'body.first_name', code: 'source_unknown' }
  ])
  await refused({ 'body.first_name': name, 'body.discount_code': { text: 'TEN' }, 'body.9': { text: 'x' } }, [
    { where: 'body.9', code: 'unknown_slot' }
  ])
  const picture = named(lab, 'promo_image')
  await refused({ 'body.1': name }, [{ where: 'header', code: 'missing' }], picture.id)
  const place = named(lab, 'store_location')
  t.match(place.problem, { code: 'hook_slot' }, 'and the list says which can be used')
  await refused({}, [{ where: 'header', code: 'hook_slot' }], place.id)

  t.match(await tab.call('POST', '/hooks', { as: ada, body: { name: 'x', numberId: 4711, templateId: offer.id } }), {
    status: 422,
    body: { code: 'number_unknown' }
  })
  const bea = await tab.signIn('bea')
  for (const [method, path] of [
    ['GET', '/hooks'],
    ['GET', `/hooks/templates?numberId=${lab.numberId}`],
    ['POST', '/hooks']
  ] as const) {
    const body = method === 'POST' ? { name: 'x', numberId: lab.numberId, templateId: offer.id } : undefined
    t.equal((await tab.call(method, path, { as: bea, body })).status, 403, `${method} ${path} by an agent`)
  }
  t.same((await tab.call('GET', '/hooks', { as: ada })).body.hooks, [], 'nothing of all that was kept')
})

t.test('a picture at an address, and an attribute of the conversation, by the admin pages’ own session', async t => {
  const origin = await servePicture(t)
  const lab = await openLab(t, [origin])
  const { tab, ada } = lab
  const { ticket } = (await tab.call('POST', '/admin/tickets', { as: ada })).body
  const { token } = (await tab.call('POST', '/sessions/ticket', { body: { ticket } })).body
  const admin = { as: { ...ada, token } }
  const asked = (url: string): Loose => ({
    ...admin,
    body: {
      name: 'Spring',
      numberId: lab.numberId,
      templateId: named(lab, 'promo_image').id,
      slots: {
        header: { url },
        'body.1': { source: 'conversation.custom.nick', fallback: 'amigo' }
      }
    }
  })
  t.match(await tab.call('POST', '/hooks', asked(`${origin}/gone.png`)), {
    status: 422,
    body: { problems: [{ where: 'header' }] }
  })
  const made = await tab.call('POST', '/hooks', asked(`${origin}/spring.png`))
  t.equal(made.status, 201, JSON.stringify(made.body))
  t.equal(await lab.press(made.body.url), 202)
  await tab.flow.until('it', () => tab.flow.sent().some(one => one.type === 'template'))
  const [header, body] = tab.flow.sent().find(one => one.type === 'template')!.template.components
  t.equal(header.parameters[0].type, 'image')
  t.match(body, { type: 'body', parameters: [{ text: 'amigo' }] })
  t.match((await tab.call('GET', '/hooks', admin)).body.hooks, [
    { name: 'Spring', lastUsedAt: String, lastFailure: null }
  ])
  t.equal((await tab.call('DELETE', `/hooks/${made.body.hook.id}`, admin)).status, 200)
  t.equal(await lab.press(made.body.url), 401)
})

t.test('S3: a press that sends nothing is told in the conversation and to the administrators', async t => {
  const lab = await openLab(t)
  const { tab, ada } = lab
  const { flow } = tab
  const made = await lab.make({
    templateId: named(lab, 'welcome_offer').id,
    slots: { 'body.first_name': { source: 'contact.custom.nickname' }, 'body.discount_code': { text: 'TEN' } }
  })
  t.equal(made.status, 201, JSON.stringify(made.body))
  t.equal(await lab.press(made.body.url), 422)
  await flow.until('the note', () => lab.notes().length === 1)
  t.match(lab.notes()[0], /welcome_offer.*nothing was sent.*first name is empty/s)
  t.equal(await lab.press(made.body.url), 422)
  await flow.settle()
  t.equal(lab.notes().length, 1, 'the same reason is not noted again at once')
  t.same(
    flow.sent().filter(one => one.type === 'template'),
    []
  )
  const [hook] = (await tab.call('GET', '/hooks', { as: ada })).body.hooks
  t.match(hook.lastFailure, {
    code: 'wa_template_parameters',
    link: new RegExp(`/conversations/${lab.conversationId}$`)
  })

  await query(flow, `update macro_hook_failures set noted_at = now() - interval '61 minutes'`)
  await lab.press(made.body.url)
  await flow.until('another note', () => lab.notes().length === 2)

  await t.test('a macro that is pressed elsewhere is told, an automation that fires there is not', async t => {
    const elsewhere = await tab.deskCall('POST', '/inboxes', {
      name: 'Shop',
      channel: { type: 'api', webhook_url: '' }
    })
    t.equal(elsewhere.status, 200, JSON.stringify(elsewhere.body))
    const contact = await tab.deskCall('POST', '/contacts', { name: 'Zoe', inbox_id: elsewhere.body.id })
    const contactId = contact.body.payload.contact.id
    const opened = await tab.deskCall('POST', '/conversations', { contact_id: contactId, inbox_id: elsewhere.body.id })
    const at = opened.body.id
    t.ok(at, JSON.stringify(opened.body))
    t.equal(await lab.press(made.body.url, 'automation_event.conversation_created', at), 422)
    t.equal(await lab.press(made.body.url, 'macro.executed', at), 422)
    await flow.until('the note', () => lab.notes(at).length > 0)
    t.equal(lab.notes(at).length, 1)
    t.match(lab.notes(at)[0], /not in the inbox of/)
  })

  await t.test('an automation that its own note would set off again comes to rest', async t => {
    const rule = {
      name: 'Any message',
      event_name: 'message_created',
      active: true,
      conditions: [
        { attribute_key: 'inbox_id', filter_operator: 'equal_to', values: [tab.inboxId], query_operator: null }
      ],
      actions: [{ action_name: 'send_webhook_event', action_params: [made.body.url] }]
    }
    t.equal((await tab.deskCall('POST', '/automation_rules', rule)).status, 200)
    await query(flow, `update macro_hook_failures set noted_at = now() - interval '61 minutes'`)
    const before = lab.notes().length
    await flow.say({ text: '¿Hola?' })
    await flow.until('the note', () => lab.notes().length > before)
    await flow.settle()
    await new Promise(resolve => setTimeout(resolve, 700))
    t.equal(lab.notes().length, before + 1)
  })
})

t.test('what a person stands in the way of is told by name: a number that is paused', async t => {
  const lab = await openLab(t)
  const { flow } = lab.tab
  const made = await lab.make({ templateId: named(lab, 'hello_world').id })
  t.equal(made.status, 201, JSON.stringify(made.body))
  await flow.runtime.bridge.numbers.pauseNumber(lab.numberId, 'wa_payment')
  await flow.runtime.refresh()
  t.equal(await lab.press(made.body.url), 422)
  await flow.until('the note', () => lab.notes().length === 1)
  t.match(lab.notes()[0], /hello_world/)
})
