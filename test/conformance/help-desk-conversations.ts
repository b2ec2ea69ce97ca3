/** Assumptions about conversations: how they begin, are found, described and reopened. */
import { readHook } from '../../adapters/chatwoot/from-wire.ts'
import { begin, type Case, call, failure, incoming, messageHook, unique, waitForHook } from './help-desk-ground.ts'

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
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: 'x' })
      const row = incoming('x'.repeat(150_001))
      const error = await failure(desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId, row }))
      t.equal(error.code, 'desk_invalid')
      t.same(await desk.findConversations(access, inbox.id, sourceId), [])
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
    id: 'CW-CHANGED',
    says: 'what changed lately is listed whole, with its newest message',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const made = await begin(ground)
      const changed = await desk.listChangedConversations(access, inbox.id, 60)
      const ours = changed.find(({ id }) => id === made.conversationId)
      t.equal(ours?.sourceId, made.sourceId)
      t.equal(ours?.lastMessageId, made.messageId)
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
      const before = ground.hooks.length
      const next = await desk.createMessage(access, conversationId, incoming('otra vez'))
      await waitForHook(ground, messageHook(next.messageId, true), before)
      t.equal(await status(), 'open')
      const told = ground.hooks.map(({ raw }) => readHook(JSON.parse(raw.toString())))
      t.notOk(told.some(messageHook(activity.messageId, true)), 'no hook for the grey line')
    }
  },
  {
    id: 'CW-GONE',
    says: 'an unknown conversation is gone; one in a closed inbox is not for this agent',
    async play(t, ground) {
      const { desk, access, agent, setup } = ground
      const error = await failure(desk.createMessage(access, 99_999_999, incoming('x')))
      t.match(error, { code: 'desk_not_found', certainty: 'did_not_happen', facts: { what: 'conversation' } })
      const closed = await setup.createInbox(access, {
        name: unique('Closed'),
        webhookUrl: ground.hookUrl,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: 'closed' }
      })
      const { conversationId } = await begin({ ...ground, inbox: closed })
      const refused = await failure(desk.listMessagesAfter(agent, conversationId, 0))
      t.match(refused, { code: 'desk_forbidden', scope: 'message' })
    }
  }
]
