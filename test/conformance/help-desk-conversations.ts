/** Assumptions about conversations: how they begin, are found, described and reopened. */
import { readHook } from '../../adapters/chatwoot/from-wire.ts'
import { NOBODY } from './fence.ts'
import {
  answer,
  begin,
  type Case,
  call,
  eventually,
  failure,
  incoming,
  messageHook,
  named,
  needAgent,
  run,
  unique,
  uniquePhone,
  waitForHook
} from './help-desk-ground.ts'

export const CONVERSATIONS_CASES: Case[] = [
  {
    id: 'CW-EMBED',
    says: 'a conversation is created with its first row in one call, which tells the id of the row',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const row = incoming('primera', { attributes: { puente: { wamid: 'w' } } })
      const made = await begin(ground, row)
      t.ok(made.messageId > 0)
      const message = await desk.readMessage(access, made.conversationId, made.messageId)
      t.match(message, { content: 'primera', type: 'incoming', sourceId: row.sourceId, senderType: 'contact' })
      t.match(message?.attributes, { puente: { wamid: 'w' } })
      const [found] = await desk.findConversations(access, inbox.id, made.sourceId)
      t.match(found, { id: made.conversationId, inboxId: inbox.id, contactId: made.contactId, status: 'open' })
      t.equal(found?.lastMessageId, made.messageId)
    }
  },
  {
    id: 'CW-EMBED-ROLLBACK',
    says: 'a first row that is refused leaves no conversation behind',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const sourceId = unique('src')
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: named('x') })
      const row = incoming('x'.repeat(150_001))
      const error = await failure(desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId, row }))
      t.equal(error.code, 'desk_invalid')
      t.same(await desk.findConversations(access, inbox.id, sourceId), [])
    }
  },
  {
    id: 'CW-EMBED-NOTE',
    says: 'a conversation may begin with a private note; its hook comes with our marker',
    async play(t, ground) {
      const note = {
        ...answer('prueba'),
        private: true,
        attributes: { puente: { kind: 'probe', id: unique('probe') } }
      }
      const { messageId } = await begin(ground, note)
      const { hook } = await waitForHook(ground, messageHook(messageId, true))
      t.match(hook, { marked: true, message: { private: true, attributes: note.attributes } })
    }
  },
  {
    id: 'CW-NEW-EACH',
    says: 'every creation makes another conversation; all are listed, newest first, whatever their status',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { contactId, sourceId, conversationId } = await begin(ground)
      await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status: 'resolved' })
      const second = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId })
      t.not(second.conversationId, conversationId)
      t.same(
        (await desk.findConversations(access, inbox.id, sourceId)).map(({ id, status }) => [id, status]),
        [
          [second.conversationId, 'open'],
          [conversationId, 'resolved']
        ]
      )
    }
  },
  {
    id: 'CW-ATTRIBUTES',
    says: 'conversation attributes are replaced whole, come back in a hook, and take no large integers',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { conversationId, sourceId } = await begin(ground)
      await desk.setConversationAttributes(access, conversationId, { one: 1, two: 'x' })
      await desk.setConversationAttributes(access, conversationId, { two: 'y' })
      t.same((await desk.findConversations(access, inbox.id, sourceId))[0]?.attributes, { two: 'y' })
      await waitForHook(
        ground,
        hook => hook.kind === 'conversation' && hook.conversationId === conversationId && hook.attributes.two === 'y'
      )
      const late = desk.setConversationAttributes(access, conversationId, { at: 1_785_146_740_000 })
      t.equal((await failure(late)).code, 'desk_invalid')
    }
  },
  {
    id: 'CW-ACTIVITY',
    says: 'an activity row is stored, sends no hook and does not reopen; an incoming row reopens',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { conversationId, sourceId } = await begin(ground)
      const status = async () => (await desk.findConversations(access, inbox.id, sourceId))[0]?.status
      await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status: 'resolved' })
      const activity = await desk.createMessage(access, conversationId, {
        type: 'activity',
        content: 'reaccionó con 👍',
        sourceId: unique('wamid')
      })
      t.equal((await desk.readMessage(access, conversationId, activity.messageId))?.type, 'activity')
      t.equal(await status(), 'resolved')
      const before = ground.receiver.hooks.length
      const next = await desk.createMessage(access, conversationId, incoming('otra vez'))
      await waitForHook(ground, messageHook(next.messageId, true), before)
      t.equal(await status(), 'open')
      const told = ground.receiver.hooks.map(({ raw }) => readHook(JSON.parse(raw.toString())))
      t.notOk(told.some(messageHook(activity.messageId, true)), 'no hook for the grey line')
    }
  },
  {
    id: 'CW-ATTRIBUTES-ANSWER',
    says: 'the answer to written attributes tells all of them, and so does reading the conversation',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { conversationId, contactId } = await begin(ground)
      const written = await desk.setConversationAttributes(access, conversationId, { one: 1, wa_number: '+999' })
      t.same(written, { one: 1, wa_number: '+999' })
      const read = await desk.readConversation(access, conversationId)
      t.match(read, { id: conversationId, inboxId: inbox.id, contactId, status: 'open' })
      t.same(read.attributes, written)
      t.ok(read.updatedAt > 0, 'updated_at')
      t.equal((await failure(desk.readConversation(access, NOBODY))).code, 'desk_not_found')
    }
  },
  {
    id: 'CW-ATTRIBUTES-CHANGED',
    says: 'the hook about written attributes tells what they were before and what they are, and a later updated_at',
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId } = await begin(ground)
      const changed = async (to: Record<string, unknown>) => {
        const before = ground.receiver.hooks.length
        await desk.setConversationAttributes(access, conversationId, to)
        const { hook } = await waitForHook(
          ground,
          hook =>
            hook.kind === 'conversation' && hook.conversationId === conversationId && hook.attributesChanged !== null,
          before
        )
        if (hook.kind !== 'conversation') throw new Error('not a conversation')
        return hook
      }
      const first = await changed({ one: 1 })
      const second = await changed({ one: 1, two: 2 })
      t.same(first.attributesChanged, { from: {}, to: { one: 1 } })
      t.same(second.attributesChanged, { from: { one: 1 }, to: { one: 1, two: 2 } })
      t.same(second.attributes, { one: 1, two: 2 })
      t.ok(second.updatedAt > first.updatedAt, 'updated_at rises')
    }
  },
  {
    id: 'CW-ATTRIBUTES-MERGE',
    says: 'written with merge, attributes leave the keys of others alone',
    since: '4.17.0',
    without: 'they are read, merged and written whole, and the hook that follows is the check',
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId } = await begin(ground)
      await desk.setConversationAttributes(access, conversationId, { theirs: 1 })
      await desk.setConversationAttributes(access, conversationId, { ours: 2 }, { merge: true })
      t.same((await desk.readConversation(access, conversationId)).attributes, { theirs: 1, ours: 2 })
    }
  },
  {
    id: 'CW-ATTRIBUTES-BORN',
    says: 'attributes of both kinds are given at creation, dates as ISO text, and come in hooks',
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const sourceId = unique('src')
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: named('Born') })
      const attributes = { channel: 'whatsapp', wa_window_expires_at: '2026-11-22T10:00:00.000Z' }
      const additionalAttributes = { referral: { source_type: 'ad', headline: 'ñ <b>' } }
      const { conversationId } = await desk.createConversation(access, {
        inboxId: inbox.id,
        contactId,
        sourceId,
        attributes,
        additionalAttributes,
        row: incoming('desde el anuncio')
      })
      t.same((await desk.readConversation(access, conversationId)).attributes, attributes)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('hola'))
      const { body } = await waitForHook(ground, messageHook(messageId, true))
      t.match(body, { conversation: { custom_attributes: attributes, additional_attributes: additionalAttributes } })
    }
  },
  {
    id: 'CW-ECHO-QUIET',
    says: 'a row that the business wrote elsewhere does not reopen a resolved conversation',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { conversationId, sourceId } = await begin(ground)
      await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status: 'resolved' })
      const echo = { ...answer('desde el móvil'), sourceId: unique('wamid'), attributes: { external_echo: true } }
      await desk.createMessage(access, conversationId, echo)
      t.equal((await desk.findConversations(access, inbox.id, sourceId))[0]?.status, 'resolved')
    }
  },
  {
    id: 'CW-STATUS-HOOK',
    says: 'resolving and reopening a conversation each come as a hook with the status',
    async play(t, ground) {
      const { access } = ground
      const { conversationId, sourceId } = await begin(ground)
      for (const status of ['resolved', 'open']) {
        const before = ground.receiver.hooks.length
        await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status })
        const { hook } = await waitForHook(
          ground,
          hook =>
            hook.kind === 'conversation' && hook.conversationId === conversationId && hook.event === 'status_changed',
          before
        )
        t.match(hook, { status, contactSource: sourceId })
      }
    }
  },
  {
    id: 'CW-BEGUN',
    says: 'a conversation that a person begins gets a source id by the desk; its hook tells it, and the phone',
    async play(t, ground) {
      const { access, agent, inbox } = ground
      const phone = uniquePhone()
      const made = await call(ground, access, 'POST', '/contacts', { name: named('Cold lead'), phone_number: phone })
      const content = unique('buenas')
      const begun = await call(ground, agent, 'POST', '/conversations', {
        inbox_id: inbox.id,
        contact_id: made.body?.payload?.contact?.id,
        message: { content }
      })
      t.equal(begun.status, 200)
      const { hook } = await waitForHook(ground, hook => hook.kind === 'message' && hook.message.content === content)
      t.match(hook, { contactSource: /^[\w-]{20,}$/, marked: false, contact: { phone }, message: { type: 'outgoing' } })
    }
  },
  {
    id: 'CW-GREETED',
    says: 'also where a greeting follows at once, the answer to the creation shows the row itself',
    without: 'the row is looked for in the conversation',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const path = `/inboxes/${inbox.id}`
      await call(ground, access, 'PATCH', path, { greeting_enabled: true, greeting_message: 'Bienvenido' })
      try {
        const row = incoming('hola, ¿hay alguien?')
        const sourceId = unique('src')
        const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: named('Greeted') })
        const made = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId, row })
        t.ok(made.messageId !== null, 'the id of the row')
        const rows = await desk.listMessagesAfter(access, made.conversationId, 0)
        t.equal(rows.filter(each => each.sourceId === row.sourceId).length, 1, 'rows with its source id')
      } finally {
        await call(ground, access, 'PATCH', path, { greeting_enabled: false, greeting_message: '' })
      }
    }
  },
  {
    id: 'CW-GONE',
    says: 'an unknown conversation is gone, whatever is asked of it',
    async play(t, { desk, access }) {
      const gone = { code: 'desk_not_found', certainty: 'did_not_happen' }
      t.match(await failure(desk.createMessage(access, NOBODY, incoming('x'))), {
        ...gone,
        facts: { what: 'conversation' }
      })
      t.match(await failure(desk.listMessagesAfter(access, NOBODY, 0)), gone)
      t.match(await failure(desk.setStatus(access, NOBODY, NOBODY, 'read')), gone)
      t.match(await failure(desk.setConversationAttributes(access, NOBODY, { x: 1 })), gone)
    }
  },
  {
    id: 'CW-FORBIDDEN',
    says: 'a conversation in an inbox of others is refused for that record only: the token itself is fine',
    async play(t, ground) {
      const { desk, access, setup, receiver } = ground
      const agent = needAgent(ground)
      const closed = await setup.createInbox(access, {
        name: unique('Closed'),
        webhookUrl: receiver.url,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: run }
      })
      const { conversationId } = await begin({ ...ground, inbox: closed })
      const refused = await failure(desk.listMessagesAfter(agent, conversationId, 0))
      t.match(refused, { code: 'desk_forbidden', scope: 'message' })
    }
  },
  {
    id: 'CW-DELETED',
    says: 'a deleted conversation vanishes from every list; writing to it says that it is gone',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { conversationId, sourceId } = await begin(ground)
      const { status } = await call(ground, access, 'DELETE', `/conversations/${conversationId}`)
      t.equal(status, 200)
      await eventually(
        ground,
        async () => (await desk.findConversations(access, inbox.id, sourceId)).length === 0,
        'the conversation is gone'
      )
      const error = await failure(desk.createMessage(access, conversationId, incoming('¿hola?')))
      t.match(error, { code: 'desk_not_found', facts: { what: 'conversation' } })
      t.equal((await desk.findContactBySource(access, inbox.id, sourceId))?.id !== undefined, true, 'the contact stays')
    }
  }
]
