/** Assumptions about the desk itself: version, tokens, inboxes, their members, and what setting up makes in an account. */
import { verifyHookSignature } from '../../adapters/chatwoot/signature.ts'
import { NOBODY } from './fence.ts'
import {
  answer,
  begin,
  type Case,
  call,
  failure,
  incoming,
  messageHook,
  named,
  needAgent,
  run,
  unique,
  waitForHook
} from './help-desk-ground.ts'

/** As the mirror writes them: nested, with everything that the picker reads. */
const TEMPLATES = [
  {
    name: 'order_update',
    status: 'APPROVED',
    category: 'UTILITY',
    language: 'es',
    parameter_format: 'POSITIONAL',
    components: [
      { type: 'HEADER', format: 'IMAGE', example: { header_handle: ['https://example.org/a.jpg?x=1&y=2'] } },
      { type: 'BODY', text: 'Hola {{1}}, tu pedido {{2}} *va* <ya> ñ 😀', example: { body_text: [['Ana', '42']] } },
      { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Ver', url: 'https://example.org/{{1}}', example: ['1'] }] }
    ]
  }
]

export const SETUP_CASES: Case[] = [
  {
    id: 'CW-VERSION',
    says: 'the version is told without a token',
    async play(t, { setup, access }) {
      t.match(await setup.readVersion(access.url), /^\d+\.\d+\.\d+/)
    }
  },
  {
    id: 'CW-HEADER',
    says: 'the header api-access-token is enough, and a wrong token is refused',
    async play(t, { setup, access }) {
      const profile = await setup.readProfile(access)
      t.ok(profile.administrator, 'role in the account')
      t.equal((await failure(setup.readProfile({ ...access, token: 'wrong' }))).code, 'desk_unauthorized')
      const wrong = { ...access, token: 'wrong' }
      t.equal(
        (await failure(setup.findInbox(wrong, { phoneNumberId: 'x', installation: 'x' }))).code,
        'desk_unauthorized'
      )
    }
  },
  {
    id: 'CW-INBOX',
    says: 'an inbox is found again by its marker, keeps what we write, and shows its secret to its administrator',
    async play(t, { setup, access, inbox }) {
      t.equal((await setup.findInbox(access, inbox.marker!))?.id, inbox.id)
      t.equal(inbox.attributes.agent_reply_time_window, 24)
      const before = await setup.updateInbox(access, inbox.id, { attributes: { other: 1 } })
      const after = await setup.updateInbox(access, inbox.id, { attributes: { more: 2 } })
      t.equal(before.attributes.other, 1)
      t.match(after.attributes, { other: 1, more: 2, puente: inbox.marker })
      t.ok(after.secret === inbox.secret, 'the secret stays')
    }
  },
  {
    id: 'CW-INBOX-REPLACES',
    says: 'the attributes of an inbox are written whole: keys that are not sent are lost',
    without: 'they are read, merged and written whole all the same',
    async play(t, ground) {
      const { setup, access, inbox } = ground
      const now = await setup.readInbox(access, inbox.id)
      await call(ground, access, 'PATCH', `/inboxes/${inbox.id}`, { channel: { additional_attributes: { only: 1 } } })
      t.same((await setup.readInbox(access, inbox.id)).attributes, { only: 1 })
      await setup.updateInbox(access, inbox.id, { attributes: now.attributes })
    }
  },
  {
    id: 'CW-INBOX-SECRET',
    says: 'inboxes of the API have a secret of their own that signs their hooks',
    since: '4.13.0',
    without: 'hooks are known by their unguessable path alone',
    async play(t, { secret }) {
      t.ok(secret.length >= 16, 'length of the secret')
    }
  },
  {
    id: 'CW-INBOX-AGENT',
    says: 'a member sees the inbox and its marker, but not the secret, and may not change it',
    async play(t, ground) {
      const { setup, inbox } = ground
      const agent = needAgent(ground)
      const seen = await setup.readInbox(agent, inbox.id)
      t.ok(seen.secret === null, 'the secret is hidden')
      t.same(seen.marker, inbox.marker)
      const error = await failure(setup.updateInbox(agent, inbox.id, { attributes: { agent: 1 } }))
      t.equal(error.code, 'desk_forbidden')
    }
  },
  {
    id: 'CW-INBOX-GONE',
    says: 'an unknown inbox is told apart from an unknown contact',
    async play(t, { desk, access, inbox, setup }) {
      t.equal((await failure(setup.readInbox(access, NOBODY))).code, 'desk_inbox_gone')
      const nowhere = { inboxId: NOBODY, sourceId: unique('src'), name: named('x') }
      t.equal((await failure(desk.createContact(access, nowhere))).code, 'desk_inbox_gone')
      t.equal((await failure(desk.findContactBySource(access, NOBODY, 'x'))).code, 'desk_inbox_gone')
      const nobody = { inboxId: inbox.id, contactId: NOBODY, sourceId: unique('src') }
      t.match(await failure(desk.createConversation(access, nobody)), {
        code: 'desk_not_found',
        facts: { what: 'contact' }
      })
    }
  },
  {
    id: 'CW-404',
    says: "what is not there is told in the desk's own JSON or with nothing, never with a page",
    async play(t, ground) {
      const { access, inbox } = ground
      for (const path of [`/conversations/${NOBODY}`, `/contacts/${NOBODY}`, `/inboxes/${NOBODY}`]) {
        const { status, body, text } = await call(ground, access, 'GET', path)
        t.equal(status, 404, path)
        t.ok(text === '' || typeof body === 'object', `JSON or nothing at ${path} (${text.slice(0, 40)})`)
      }
      const unknown = { inbox_id: inbox.id, source_id: unique('src') }
      const { status, text } = await call(ground, access, 'POST', '/contact_inboxes/filter', unknown)
      t.same([status, text], [404, ''], 'an unknown source id')
    }
  },
  {
    id: 'CW-MEMBERS',
    says: 'members are added without removing anybody, and listed with their ids',
    async play(t, { setup, access, inbox, agentId }) {
      const { id } = await setup.readProfile(access)
      const once = await setup.addMembers(access, inbox.id, [id])
      t.same([once.includes(id), once.includes(agentId)], [true, true])
      t.same(await setup.addMembers(access, inbox.id, [id, agentId]), once)
    }
  },
  {
    id: 'CW-AGENTS',
    says: 'all people of the account are listed, with their roles',
    async play(t, { setup, access, agentId, hasAgent }) {
      const agents = await setup.listAgents(access)
      t.equal(agents.find(({ id }) => id === agentId)?.role, hasAgent ? 'agent' : 'administrator')
      t.ok(
        agents.every(({ role }) => role === 'administrator' || role === 'agent'),
        'every role is administrator or agent'
      )
    }
  },
  {
    id: 'CW-TEMPLATES',
    says: 'mirrored templates are kept as they are, beside everything else of the inbox',
    async play(t, { setup, access, inbox }) {
      await setup.updateInbox(access, inbox.id, { attributes: { message_templates: TEMPLATES } })
      const read = await setup.readInbox(access, inbox.id)
      t.same(read.attributes.message_templates, TEMPLATES)
      t.match(read.attributes, { agent_reply_time_window: 24, puente: inbox.marker })
      t.equal(read.webhookUrl, inbox.webhookUrl)
      await setup.updateInbox(access, inbox.id, { attributes: { message_templates: [] } })
      t.same((await setup.readInbox(access, inbox.id)).attributes.message_templates, [])
    }
  },
  {
    id: 'CW-SECRET-RESET',
    says: 'the secret of an inbox can be changed; its next hook is signed with the new one',
    since: '4.13.0',
    without: 'there is no secret to change',
    async play(t, ground) {
      const { desk, setup, access, receiver } = ground
      const inbox = await setup.createInbox(access, {
        name: unique('Reset'),
        webhookUrl: receiver.url,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: run }
      })
      const { status } = await call(ground, access, 'POST', `/inboxes/${inbox.id}/reset_secret`)
      t.equal(status, 200)
      const { secret } = await setup.readInbox(access, inbox.id)
      t.ok(secret !== null && secret !== inbox.secret, 'a new secret')
      const { conversationId } = await begin({ ...ground, inbox })
      const { messageId } = await desk.createMessage(access, conversationId, incoming('firmado de nuevo'))
      const { received } = await waitForHook(ground, messageHook(messageId, true))
      const timestamp = String(received.headers['x-chatwoot-timestamp'])
      const signature = String(received.headers['x-chatwoot-signature'])
      const proof = { raw: received.raw, timestamp, signature, now: new Date(Number(timestamp) * 1000) }
      t.equal(verifyHookSignature({ ...proof, secret: secret ?? '' }), 'valid')
      t.equal(verifyHookSignature({ ...proof, secret: inbox.secret ?? '' }), 'invalid')
    }
  },
  {
    id: 'CW-MACRO',
    says: "a macro's text comes as the agent's own answer",
    async play(t, ground) {
      const { access, agent, agentId } = ground
      const { conversationId } = await begin(ground)
      const content = unique('de la macro')
      const actions = [{ action_name: 'send_message', action_params: [content] }]
      const macro = { name: unique('Macro'), visibility: 'personal', actions }
      const made = await call(ground, agent, 'POST', '/macros', macro)
      const id = made.body?.payload?.id
      await call(ground, agent, 'POST', `/macros/${id}/execute`, { conversation_ids: [conversationId] })
      const { hook } = await waitForHook(ground, hook => hook.kind === 'message' && hook.message.content === content)
      t.match(hook, {
        marked: false,
        message: { conversationId, type: 'outgoing', private: false, senderType: 'user', senderId: agentId }
      })
      await call(ground, agent, 'DELETE', `/macros/${id}`)
      t.notOk((await call(ground, access, 'GET', '/macros')).text.includes(macro.name), 'it is gone')
    }
  },
  {
    id: 'CW-GREETING',
    says: "the desk's greeting comes as a template row by nobody, after the customer's row",
    async play(t, ground) {
      const { access, inbox } = ground
      const greet = (on: boolean) => {
        const greeting = { greeting_enabled: on, greeting_message: on ? 'Bienvenido' : '' }
        return call(ground, access, 'PATCH', `/inboxes/${inbox.id}`, greeting)
      }
      await greet(true)
      try {
        const { conversationId } = await begin(ground)
        const { hook } = await waitForHook(
          ground,
          hook =>
            hook.kind === 'message' &&
            hook.message.type === 'template' &&
            hook.message.conversationId === conversationId
        )
        t.match(hook, {
          marked: false,
          message: { content: 'Bienvenido', private: false, senderType: null, sourceId: null }
        })
      } finally {
        await greet(false)
      }
    }
  },
  {
    id: 'CW-WINDOW',
    says: "the desk's own window closes its editor, not its API",
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const sourceId = unique('src')
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: named('Silent') })
      // Nobody wrote yet: the window never opened.
      const { conversationId } = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId })
      t.equal((await call(ground, access, 'GET', `/conversations/${conversationId}`)).body?.can_reply, false)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('¿sigue ahí?'))
      t.ok(messageId > 0)
    }
  }
]
