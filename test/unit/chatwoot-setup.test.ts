/** The steps of connecting a desk, each of which may be repeated. */
import nock from 'nock'
import { createChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import { access, api, BASE, example, failure, http, ORIGIN, scenario } from './chatwoot-lab.ts'

const HOOK = 'https://puente.example.com/hooks/chatwoot/abc'
const marker = { phoneNumberId: '106540352242922', installation: 'main' }
const setup = createChatwootSetup({ http })

function ourInbox() {
  const inbox = example('api.inboxes.create.response')
  inbox.additional_attributes.puente = marker
  return inbox
}

scenario('reads the version without a token', async t => {
  nock(ORIGIN, { badheaders: ['api-access-token'] })
    .get('/api')
    .reply(200, { version: '4.16.2', queue_services: 'ok' })
  t.equal(await setup.readVersion(ORIGIN), '4.16.2')
  nock(ORIGIN).get('/api').reply(200, {})
  t.equal(await setup.readVersion(`${ORIGIN}/`), null)
})

scenario('what is no Chatwoot is an error', async t => {
  nock(ORIGIN).get('/api').reply(200, '<html>hello</html>')
  await t.rejects(setup.readVersion(ORIGIN), { code: 'desk_no_answer' })
})

scenario('tells whose token it is, and never hands on the tokens in the answer', async t => {
  api().get('/api/v1/profile').reply(200, example('api.profile.response'))
  const profile = await setup.readProfile(access)
  t.same(profile, {
    id: 9,
    name: 'Lucía Ferrer',
    email: 'lucia@example.com',
    administrator: false,
    accounts: [{ id: 3, name: 'Ferretería del Puente', role: 'agent' }]
  })
  const admin = example('recorded-4.16.2/profile')
  admin.accounts[0].role = 'administrator'
  api().get('/api/v1/profile').twice().reply(200, admin)
  t.equal((await setup.readProfile({ ...access, accountId: 1 })).administrator, true)
  t.equal((await setup.readProfile(access)).administrator, false, 'of another account')
  api().get('/api/v1/profile').reply(401, example('errors')['401 bad token'])
  await t.rejects(setup.readProfile(access), { code: 'desk_unauthorized' })
})

scenario('finds the inbox by its marker only', async t => {
  const list = example('api.inboxes.list.response')
  api().get(`${BASE}/inboxes`).reply(200, list)
  t.equal(await setup.findInbox(access, marker), null)
  list.payload.push({ ...ourInbox(), id: 77 })
  api().get(`${BASE}/inboxes`).twice().reply(200, list)
  t.match(await setup.findInbox(access, marker), { id: 77, webhookUrl: HOOK.replace(/\/abc$/, ''), marker })
  t.equal(await setup.findInbox(access, { ...marker, installation: 'other' }), null)
})

scenario('creates an inbox that shows the window and can be found again', async t => {
  const { name, channel, ...rest } = example('api.inboxes.create.request')
  const message = channel.additional_attributes.agent_reply_time_window_message
  api()
    .post(`${BASE}/inboxes`, {
      name,
      ...rest,
      channel: {
        ...channel,
        webhook_url: HOOK,
        additional_attributes: {
          agent_reply_time_window: 24,
          agent_reply_time_window_message: message,
          puente: marker
        }
      }
    })
    .reply(200, ourInbox())
  const inbox = await setup.createInbox(access, { name, webhookUrl: HOOK, windowMessage: message, marker })
  t.match(inbox, { id: 12, secret: 'k7Qw9ZxC3vBn5MaS2dFg8HjL', marker })
})

scenario('reads the secret as an administrator, null as an agent, and tells a deleted inbox', async t => {
  api().get(`${BASE}/inboxes/12`).reply(200, ourInbox())
  t.equal((await setup.readInbox(access, 12)).secret, 'k7Qw9ZxC3vBn5MaS2dFg8HjL')
  api().get(`${BASE}/inboxes/12`).reply(200, example('api.inboxes.show.agent-token.response'))
  const asAgent = await setup.readInbox(access, 12)
  t.equal(asAgent.secret, null)
  t.equal(asAgent.marker, null)
  api().get(`${BASE}/inboxes/12`).reply(404, example('errors')['404'])
  t.equal((await failure(setup.readInbox(access, 12))).code, 'desk_inbox_gone')
})

scenario('updates only what differs, and keeps the attributes of others', async t => {
  const inbox = ourInbox()
  inbox.additional_attributes.others = { keep: true }
  api().get(`${BASE}/inboxes/12`).reply(200, inbox)
  const same = await setup.updateInbox(access, 12, { webhookUrl: inbox.webhook_url, attributes: { puente: marker } })
  t.equal(same.id, 12, 'nothing was written')
  api()
    .get(`${BASE}/inboxes/12`)
    .reply(200, inbox)
    .patch(`${BASE}/inboxes/12`, {
      channel: {
        webhook_url: HOOK,
        additional_attributes: { ...inbox.additional_attributes, message_templates: [] }
      }
    })
    .reply(200, { ...inbox, webhook_url: HOOK })
  const changed = await setup.updateInbox(access, 12, { webhookUrl: HOOK, attributes: { message_templates: [] } })
  t.equal(changed.webhookUrl, HOOK)
})

scenario('adds missing members and removes nobody', async t => {
  const members = example('api.inbox_members.show.response')
  api().get(`${BASE}/inbox_members/12`).reply(200, members)
  t.same(await setup.addMembers(access, 12, [9]), [9])
  api()
    .get(`${BASE}/inbox_members/12`)
    .reply(200, members)
    .post(`${BASE}/inbox_members`, { inbox_id: 12, user_ids: [4, 5] })
    .reply(200, members)
  t.same(await setup.addMembers(access, 12, [9, 4, 5, 4]), [9, 4, 5])
})

scenario('lists agents', async t => {
  api().get(`${BASE}/agents`).reply(200, example('recorded-4.16.2/agents'))
  const agents = await setup.listAgents(access)
  t.equal(agents.length, 4)
  t.same(agents[0], { id: 1, name: 'Ada Admin', email: 'ada@lab.test', role: 'administrator' })
})
