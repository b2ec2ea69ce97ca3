// What scripts and links sent under a reference of their own, read again: as a list, as JSON and CSV, in pages.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

t.test('messages with an external reference are exported with their times, in pages, for one account only', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const ada = await tab.signIn('ada')
  await tab.begin({ text: 'Hola' })
  const phone = `+${(flow.sandbox.desk.view() as Loose).conversations[0].contact.phone.replace(/\D/g, '')}`
  const made = await tab.call('POST', '/api-keys', { as: ada, body: { name: 'CRM' } })
  const crm = { ...ada, token: made.body.key }
  const references = ['=1+1', 'deal "17", south', 'deal-18', 'deal-19']
  for (const externalRef of references) {
    const body = { phone, externalRef, message: { kind: 'text', text: `About ${externalRef}` } }
    t.equal((await tab.call('POST', '/messages', { as: crm, body })).status, 202)
  }
  t.equal(
    (await tab.call('POST', '/messages', { as: crm, body: { phone, message: { kind: 'text', text: 'No name' } } }))
      .status,
    202
  )
  await flow.until('all told', async () => {
    const { body } = await tab.call('GET', '/messages/export', { as: crm })
    return body.messages.length === 4 && body.messages.every((row: Loose) => row.readAt !== null)
  })
  await flow.until('the one without a name has left, too', () => flow.sent().length === 5)
  flow.sandbox.graph.configure({ failNext: [{ code: 131026, as: 'sync', count: 1 }] } as Loose)
  await tab.call('POST', '/messages', {
    as: crm,
    body: { phone, externalRef: 'deal-20', message: { kind: 'text', text: 'Lost' } }
  })
  await flow.until('the failure is told', async () => {
    const { body } = await tab.call('GET', '/messages/export?externalRef=deal-20', { as: crm })
    return body.messages[0]?.state === 'failed'
  })
  await flow.settle()

  const all = await tab.call('GET', '/messages/export', { as: crm })
  t.match(all.headers.get('content-disposition'), /attachment; filename="puente-messages-\d{4}-\d\d-\d\d\.json"/)
  t.same(
    all.body.messages.map((row: Loose) => row.externalRef),
    [...references, 'deal-20'],
    'oldest first, only those with a reference'
  )
  const number = flow.runtime.bridge.registry.numbers()[0]!
  t.match(all.body.messages[0], {
    state: 'read',
    from: number.displayPhoneNumber,
    wamids: [/^wamid\./],
    sentAt: /^20/,
    deliveredAt: /^20/,
    readAt: /^20/,
    failedAt: null,
    failureCode: null
  })
  t.match(all.body.messages[4], { state: 'failed', failureCode: 'wa_undeliverable', readAt: null })

  const pages: string[] = []
  for (let after = ''; ; ) {
    const page = await tab.call('GET', `/messages/export?limit=2${after === '' ? '' : `&after=${after}`}`, { as: crm })
    if (page.body.messages.length === 0) break
    t.ok(page.body.messages.length <= 2)
    pages.push(...page.body.messages.map((row: Loose) => row.sendId))
    after = page.body.messages.at(-1).sendId
  }
  t.same(
    pages,
    all.body.messages.map((row: Loose) => row.sendId),
    'pages join without gap or overlap'
  )

  const csv = await tab.call('GET', '/messages/export?format=csv', { as: crm })
  t.match(csv.headers.get('content-type'), /^text\/csv/)
  const lines = String(csv.body).split('\r\n')
  t.match(lines[0], /^sendId,externalRef,state,from,/)
  t.match(lines[1], `,'=1+1,read,`, 'no spreadsheet takes it for a formula')
  t.match(lines[2], `,"deal ""17"", south",read,`)
  t.equal(lines.length, 7)

  const third = all.body.messages[2].createdAt
  const since = await tab.call('GET', `/messages/export?from=${encodeURIComponent(third)}`, { as: crm })
  t.same(
    since.body.messages.map((row: Loose) => row.externalRef),
    ['deal-18', 'deal-19', 'deal-20']
  )
  const one = await tab.call('GET', '/messages/export?externalRef=deal-18', { as: crm })
  t.match(one.body.messages, [{ externalRef: 'deal-18' }])

  t.equal((await tab.call('GET', '/messages/export?format=xml', { as: crm })).status, 400)
  t.equal((await tab.call('GET', '/messages/export')).status, 401, 'nobody without a key')
  t.equal((await tab.call('GET', '/messages/export', { as: ada })).status, 401, 'nor an agent’s session')
  const described = (await tab.call('GET', '/openapi.json')).body
  t.match(described.paths['/wa/api/v1/messages/export'].get, { tags: ['key'], parameters: Array })

  // A key of another account sees nothing of this one's.
  const foreign = await flow.runtime.bridge.numbers.saveDesk({
    url: 'https://other.example',
    accountId: 77,
    token: 'foreign-token',
    sandbox: false
  })
  const key = `pak_${'f'.repeat(43)}`
  await flow.runtime.talk.agents.createApiKey({ id: flow.runtime.bridge.newId(), deskId: foreign.id, name: 'x' }, key)
  t.same((await tab.call('GET', '/messages/export', { as: { ...crm, token: key } })).body, { messages: [] })
})
