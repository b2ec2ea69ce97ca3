// What WhatsApp would refuse because of a limit is said before sending; and what is known of whom one begins with.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab, type Tab, type TabAgent } from './tab-lab.ts'

const templateNamed = (tab: Tab, as: TabAgent, name: string): Promise<Loose> =>
  tab.flow.until(name, async () => {
    const numberId = tab.flow.runtime.bridge.registry.numbers()[0]!.id
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as })
    return answer.body.templates?.find((each: Loose) => each.name === name)
  })

t.test('S97: the limit of customers a day is counted, said, and not tried again', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const bea = await tab.signIn('bea')
  const hello = await templateNamed(tab, bea, 'hello_world')
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const database = flow.runtime.database.people
  await database.query("update numbers set messaging_limit = 'TIER_2'")
  const start = (phone: string) =>
    tab.call('POST', '/conversations', {
      as: bea,
      withDesk: true,
      body: { numberId, phone, message: { kind: 'template', templateId: hello.id, values: {} } }
    })
  const problemsFor = async (query: string): Promise<Loose[]> =>
    (await tab.call('GET', `/templates/${hello.id}?numberId=${numberId}&${query}`, { as: bea })).body.problems
  const first = await start('+34611000101')
  t.equal(first.status, 202, JSON.stringify(first.body))
  await flow.until('sent', () => flow.sent().length === 1)
  await flow.settle()
  t.same(await problemsFor('phone=%2B34611000202'), [], 'one of two')
  t.equal((await start('+34611000202')).status, 202)
  await flow.until('sent', () => flow.sent().length === 2)
  await flow.settle()

  t.match(await problemsFor('phone=%2B34611000303'), [{ where: 'number', code: 'limit_reached', blocking: true }])
  const third = await start('+34611000303')
  t.match(third, { status: 422, body: { problems: [{ code: 'limit_reached', title: /2 customers/ }] } })
  t.same(await problemsFor('phone=%2B34611000101'), [], 'who was written to today already does not count again')
  const status = await tab.call('GET', `/conversations/${first.body.conversationId}`, { as: bea })
  t.ok(
    status.body.notices.some((each: Loose) => each.code === 'limit_near'),
    JSON.stringify(status.body.notices)
  )

  await flow.say({ customer: '34611000303', text: 'Hola' })
  await flow.settle()
  t.same(await problemsFor('phone=%2B34611000303'), [], 'whose window is open is not written to first')
  await database.query('update numbers set messaging_limit = null')
})

t.test('refusals of the last day: a slowed-down number warns, marketing fatigue keeps marketing away', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const offer = await templateNamed(tab, bea, 'welcome_offer')
  const hello = await templateNamed(tab, bea, 'hello_world')
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const of = async (template: Loose): Promise<Loose[]> =>
    (
      await tab.call('GET', `/templates/${template.id}?numberId=${numberId}&conversationId=${conversationId}`, {
        as: bea
      })
    ).body.problems
  const codes = async (template: Loose): Promise<string[]> =>
    (await of(template)).map(each => each.code).filter(code => /limit/.test(code))
  const fail = async (code: number): Promise<void> => {
    await flow.door('faults', [
      {
        on: 'call:graph',
        kind: 'status',
        match: 'POST /messages',
        count: 1,
        status: 400,
        body: { error: { code, message: 'refused' } }
      }
    ])
    const told = await tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      withDesk: true,
      body: { message: { kind: 'text', text: `to fail by ${code}` } }
    })
    t.equal(told.status, 202)
  }
  t.same(await codes(offer), [])
  await fail(131049)
  await flow.until('marketing fatigue', async () => (await codes(offer)).includes('marketing_limited'))
  t.match(
    (await of(offer)).find(each => each.code === 'marketing_limited'),
    { where: 'customer', blocking: true }
  )
  t.equal(offer.category, 'marketing')
  if (hello.category !== 'marketing') t.same(await codes(hello), [], 'other templates may still go')
  const status = async (): Promise<Loose[]> =>
    (await tab.call('GET', `/conversations/${conversationId}`, { as: bea })).body.notices
  t.ok((await status()).some(each => each.code === 'marketing_limited'))

  await fail(131048)
  await flow.until('slowed down', async () => (await codes(hello)).includes('spam_limited'))
  t.match(
    (await of(hello)).find(each => each.code === 'spam_limited'),
    { where: 'number', blocking: false }
  )
  t.ok((await status()).some(each => each.code === 'spam_limited' && each.severity === 'warning'))
})

t.test('S45, S97: beginning with somebody known: their language, their consent, their country', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { contactId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const offer = await templateNamed(tab, bea, 'welcome_offer')
  const number = flow.runtime.bridge.registry.numbers()[0]!
  await tab.deskCall('PUT', `/contacts/${contactId}`, { custom_attributes: { language: 'es' } })
  const list = (more: string) => tab.call('GET', `/templates?numberId=${number.id}${more}`, { as: bea, withDesk: true })
  t.equal((await list('')).body.preferredLanguage, null)
  const theirs = (await list(`&contactId=${contactId}`)).body
  t.match(theirs.preferredLanguage, /^es/)
  t.match(theirs.templates[0].language, /^es/, 'in their language first')

  const bound = (await flow.runtime.database.people.query('select customer_id from bindings limit 1')).rows[0]
  await flow.runtime.bridge.consents.note(number.id, bound.customer_id, 'stopped', new Date())
  const marked = (await list(`&contactId=${contactId}`)).body.templates.find((each: Loose) => each.id === offer.id)
  t.match(marked.problem, { where: 'customer', code: 'opted_out' })
  const phone = encodeURIComponent('+34611000101')
  const byPhone = (await list(`&phone=${phone}`)).body.templates.find((each: Loose) => each.id === offer.id)
  t.match(byPhone.problem, { code: 'opted_out' }, 'the same by phone')
  const unknown = (await list('&phone=%2B34600000777')).body.templates.find((each: Loose) => each.id === offer.id)
  t.equal(unknown.problem, null)
  const preview = await tab.call('POST', `/templates/${offer.id}/preview`, {
    as: bea,
    body: { numberId: number.id, phone: '+34611000101', values: {} }
  })
  t.ok(preview.body.problems.some((each: Loose) => each.code === 'opted_out'))
})

t.test('S97: how a template was filled is remembered for the next time, with its fallback', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const offer = await templateNamed(tab, bea, 'welcome_offer')
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const suggested = async (as: TabAgent): Promise<Loose> =>
    (
      await tab.call('GET', `/templates/${offer.id}?numberId=${numberId}&conversationId=${conversationId}`, {
        as,
        withDesk: true
      })
    ).body.suggested
  t.same(Object.keys(await suggested(bea)), ['body.first_name'], 'guessed by its name')
  const values = {
    'body.first_name': { kind: 'source', source: 'contact.name', fallback: 'friend' },
    'body.discount_code': { kind: 'source', source: 'conversation.id' }
  }
  const told = await tab.call('POST', `/conversations/${conversationId}/messages`, {
    as: bea,
    withDesk: true,
    body: { message: { kind: 'template', templateId: offer.id, values } }
  })
  t.equal(told.status, 202, JSON.stringify(told.body))
  t.match(await suggested(bea), {
    'body.first_name': { kind: 'source', source: 'contact.name', fallback: 'friend' },
    'body.discount_code': { kind: 'source', source: 'conversation.id' }
  })
  const ada = await tab.signIn('ada')
  t.match(await suggested(ada), { 'body.first_name': { source: 'contact.name' } }, 'a colleague begins with the same')
})
