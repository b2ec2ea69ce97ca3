/** Assumptions about people: who they are, what they may see, and what the tab asks of the desk in their name. */
import { NotChecked } from './check.ts'
import { NOBODY } from './fence.ts'
import {
  answer,
  begin,
  type Case,
  call,
  incoming,
  named,
  needAgent,
  run,
  unique,
  uniquePhone
} from './help-desk-ground.ts'

export const PEOPLE_CASES: Case[] = [
  {
    id: 'CW-SESSION',
    says: "an agent's dashboard session is taken instead of a token, and told whose it is",
    without: 'agents link themselves by a code in a private note',
    async play(t, { setup, people, access, session, agentId }) {
      if (session === undefined) throw new NotChecked("needs an agent's dashboard session, which no token gives")
      t.equal((await setup.readProfile({ ...access, token: '', session })).id, agentId)
      t.match(await people.validate(access, session), { id: agentId, role: 'agent' })
      t.equal(await people.validate(access, { ...session, accessToken: 'wrong' }), null)
    }
  },
  {
    id: 'CW-SESSION-NONE',
    says: 'what is no session is refused, not an error of the desk',
    async play(t, { people, access }) {
      t.equal(await people.validate(access, { accessToken: 'x', client: 'x', uid: 'nobody@example.org' }), null)
    }
  },
  {
    id: 'CW-TEAM',
    says: 'the members of a team are listed with their ids',
    async play(t, ground) {
      const { people, access, agentId } = ground
      const made = await call(ground, access, 'POST', '/teams', { team: { name: `${run}-team` } })
      const id = made.body?.id
      await call(ground, access, 'POST', `/teams/${id}/team_members`, { user_ids: [agentId] })
      t.same(await people.listTeamMembers(access, id), [agentId])
      await call(ground, access, 'DELETE', `/teams/${id}`)
    }
  },
  {
    id: 'CW-LOOK',
    says: 'a conversation tells its contact, who has it, its newest message, its source id and whether it is open to answers',
    async play(t, ground) {
      const { desk, people, access, agentId } = ground
      const { conversationId, contactId, sourceId } = await begin(ground)
      const phone = uniquePhone()
      await desk.updateContact(access, contactId, { name: named('Seen'), phone })
      const { messageId } = await desk.createMessage(access, conversationId, incoming('otra'))
      const before = await people.lookAtConversation(access, conversationId)
      t.match(before, {
        id: conversationId,
        status: 'open',
        contactId,
        contactName: named('Seen'),
        contactPhone: phone,
        assigneeId: null,
        sourceId,
        canReply: true,
        lastMessageId: messageId
      })
      await call(ground, access, 'POST', `/conversations/${conversationId}/assignments`, { assignee_id: agentId })
      t.match(await people.lookAtConversation(access, conversationId), { assigneeId: agentId })
      t.equal(await people.lookAtConversation(access, NOBODY), null)
    }
  },
  {
    id: 'CW-LOOK-REFUSED',
    says: 'an agent is refused what lies in an inbox of others',
    async play(t, ground) {
      const { people, setup, access, receiver } = ground
      const agent = needAgent(ground)
      const closed = await setup.createInbox(access, {
        name: unique('Closed'),
        webhookUrl: receiver.url,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: run }
      })
      const { conversationId } = await begin({ ...ground, inbox: closed })
      t.equal(await people.lookAtConversation(agent, conversationId), 'refused')
      t.equal(await people.lookAtInbox(agent, closed.id), 'refused')
      t.equal(await people.lookAtInbox(agent, ground.inbox.id), 'seen')
    }
  },
  {
    id: 'CW-CONTACT-SEARCH',
    says: 'contacts are found by a part of their name or phone, also those with a name only, and looked at by id',
    async play(t, { desk, people, access, inbox }) {
      const [bare, full] = [named(unique('Bare')), named(unique('Full'))]
      const phone = uniquePhone()
      const make = (contact: { name: string; phone?: string }) =>
        desk.createContact(access, { inboxId: inbox.id, sourceId: unique('src'), ...contact })
      const { contactId: bareId } = await make({ name: bare })
      const { contactId } = await make({ name: full, phone })
      const find = async (text: string) => (await people.searchContacts(access, text)).map(({ id }) => id)
      t.same(await find(bare.slice(0, -3)), [bareId])
      t.same(await find(phone), [contactId], 'with its plus')
      t.same(await find(phone.slice(1)), [contactId], 'without')
      t.match(await people.lookAtContact(access, contactId), { id: contactId, name: full, phone })
      t.equal(await people.lookAtContact(access, NOBODY), null)
    }
  },
  {
    id: 'CW-CONTACT-CONVERSATIONS',
    says: "a contact's conversations are listed with inbox, channel and status",
    async play(t, ground) {
      const { desk, people, access, inbox } = ground
      const { contactId, sourceId, conversationId } = await begin(ground)
      const second = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId })
      const found = await people.listConversationsOf(access, contactId)
      t.match(
        found.sort((a, b) => a.id - b.id),
        [
          { id: conversationId, inboxId: inbox.id, channel: 'Channel::Api', status: 'open' },
          { id: second.conversationId, inboxId: inbox.id, channel: 'Channel::Api', status: 'open' }
        ]
      )
    }
  },
  {
    id: 'CW-BEFORE',
    says: 'the newest messages come twenty at a time, and the twenty before one',
    async play(t, ground) {
      const { desk, people, access } = ground
      const { conversationId, messageId } = await begin(ground)
      const made = [messageId]
      for (let nth = 0; nth < 25; nth++) {
        made.push((await desk.createMessage(access, conversationId, incoming(`n ${nth}`))).messageId)
      }
      const page = async (before?: number) => {
        const messages = await people.latestMessages(access, conversationId, before)
        return Array.isArray(messages) ? messages.map(({ id }) => id) : messages
      }
      t.same(await page(), made.slice(-20))
      t.same(await page(made[6]), made.slice(0, 6))
    }
  },
  {
    id: 'CW-REOPEN',
    says: 'a resolved conversation is opened again on request; by an agent it becomes theirs',
    async play(t, ground) {
      const { people, access, agent, agentId, hasAgent } = ground
      const { conversationId } = await begin(ground)
      await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status: 'resolved' })
      t.equal(await people.reopen(agent, conversationId), 'done')
      const look = await people.lookAtConversation(access, conversationId)
      t.match(look, { status: 'open', ...(hasAgent ? { assigneeId: agentId } : {}) })
      t.equal(await people.reopen(agent, NOBODY), null)
    }
  },
  {
    id: 'CW-RETRY-ASKED',
    says: "the desk's own Retry can be asked for, and makes a failed message sent",
    async play(t, ground) {
      const { desk, people, access, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('otra vez'))
      await desk.setStatus(access, conversationId, messageId, 'failed', 'x')
      t.equal(await people.retryMessage(agent, conversationId, messageId), 'done')
      t.equal((await desk.readMessage(access, conversationId, messageId))?.status, 'sent')
    }
  }
]
