/** Assumptions about lists: what the reconciliation reads to find what no hook told. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  answer,
  begin,
  type Case,
  call,
  incoming,
  messageHook,
  named,
  unique,
  uniquePhone,
  waitForHook
} from './help-desk-ground.ts'

const LIST_SECONDS = 60

export const LISTS_CASES: Case[] = [
  {
    id: 'CW-CHANGED',
    says: 'what changed lately is listed with its newest message, source id, contact and time',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const made = await begin(ground)
      const phone = uniquePhone()
      await desk.updateContact(access, made.contactId, { name: named('Listed'), phone })
      const last = await desk.createMessage(access, made.conversationId, incoming('la última'))
      const changed = await desk.listChangedConversations(access, inbox.id, LIST_SECONDS)
      const ours = changed.find(({ id }) => id === made.conversationId)
      t.match(ours, {
        inboxId: inbox.id,
        sourceId: made.sourceId,
        lastMessageId: last.messageId,
        contactId: made.contactId,
        contactPhone: phone,
        contactName: named('Listed')
      })
      const distanceMs = Math.abs((ours?.lastActivityAt.getTime() ?? 0) - Date.now())
      t.ok(distanceMs < 5 * 60_000, `clocks within five minutes (${Math.round(distanceMs / 1000)} s apart)`)
      t.ok(
        changed.every(({ inboxId }) => inboxId === inbox.id),
        'only of this inbox'
      )
    }
  },
  {
    id: 'CW-CHANGED-WHOLE',
    says: 'that list comes in one piece, however long, and whatever the status',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { contactId, sourceId, conversationId } = await begin(ground)
      const made = [conversationId]
      for (let nth = 0; nth < 27; nth++) {
        made.push((await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId })).conversationId)
      }
      await call(ground, access, 'POST', `/conversations/${made[3]}/toggle_status`, { status: 'resolved' })
      const listed = new Set((await desk.listChangedConversations(access, inbox.id, 300)).map(({ id }) => id))
      t.same(
        made.filter(id => !listed.has(id)),
        [],
        'missing'
      )
    }
  },
  {
    id: 'CW-PAGES',
    says: 'without a time they come by pages, those with the newest activity first, and after the last page an empty one',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { contactId, sourceId, conversationId } = await begin(ground)
      for (let nth = 0; nth < 27; nth++)
        await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId })
      await sleep(1100)
      await desk.createMessage(access, conversationId, incoming('again'))
      const pages = [
        await desk.listConversations(access, inbox.id, 1),
        await desk.listConversations(access, inbox.id, 2)
      ]
      t.equal(pages[0]?.[0]?.id, conversationId, 'the one with the newest message')
      const times = pages.flat().map(({ lastActivityAt }) => lastActivityAt.getTime())
      t.same(
        times,
        [...times].sort((a, b) => b - a)
      )
      const ids = new Set(pages.flat().map(({ id }) => id))
      t.equal(ids.size, times.length, 'none twice')
      t.same(await desk.listConversations(access, inbox.id, 10_000), [])
    }
  },
  {
    id: 'CW-CHANGED-AGAIN',
    says: 'each new message brings its conversation into that list, also the second answer in a row; the others stay out',
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const [quiet, busy] = [await begin(ground), await begin(ground)]
      await desk.createMessage(agent, busy.conversationId, answer('primera'))
      await sleep(4200)
      const second = await desk.createMessage(agent, busy.conversationId, answer('segunda'))
      const changed = await desk.listChangedConversations(access, inbox.id, 3)
      t.equal(changed.find(({ id }) => id === busy.conversationId)?.lastMessageId, second.messageId)
      t.notOk(
        changed.some(({ id }) => id === quiet.conversationId),
        'one where nothing happened'
      )
    }
  },
  {
    id: 'CW-CHANGED-NOTE',
    says: 'a private note or a grey line as the newest row is not taken for an answer in that list',
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const { conversationId } = await begin(ground)
      const note = await desk.createMessage(agent, conversationId, { ...answer('nota'), private: true })
      await desk.createMessage(access, conversationId, { type: 'activity', content: 'gris', sourceId: unique('wamid') })
      const changed = await desk.listChangedConversations(access, inbox.id, LIST_SECONDS)
      const { lastMessageId } = changed.find(({ id }) => id === conversationId) ?? {}
      t.ok((lastMessageId ?? 0) >= note.messageId, 'the newest message is at least the note')
    }
  },
  {
    id: 'CW-TEMPLATE-SHOWN',
    says: "a template's values are told by the hook and by the list of conversations",
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const { conversationId } = await begin(ground)
      const template_params = {
        name: 'order_update',
        category: 'UTILITY',
        language: 'es',
        processed_params: {
          body: { '1': 'Ana', '2': '42' },
          header: { media_url: 'https://example.org/a.jpg', media_type: 'image' },
          buttons: [{ type: 'url', parameter: '42', url: 'https://example.org/{{1}}', variables: ['1'] }]
        }
      }
      const path = `/conversations/${conversationId}/messages`
      const made = await call(ground, agent, 'POST', path, { content: 'Hola Ana, tu pedido 42', template_params })
      const changed = await desk.listChangedConversations(access, inbox.id, LIST_SECONDS)
      const { shown = [] } = changed.find(({ id }) => id === conversationId) ?? {}
      t.same(shown.find(({ id }) => id === made.body?.id)?.additionalAttributes, { template_params }, 'in the list')
      const { hook } = await waitForHook(ground, messageHook(made.body?.id, true))
      t.same(hook.kind === 'message' && hook.templateParams, template_params, 'in the hook')
    }
  },
  {
    id: 'CW-LIST-ALL',
    says: 'a conversation lists its grey lines and private notes too, each with its type, source id and marker',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId, messageId } = await begin(ground)
      const grey = { type: 'activity' as const, content: 'reaccionó', sourceId: unique('wamid') }
      const note = {
        ...answer('nota'),
        private: true,
        sourceId: unique('note'),
        attributes: { puente: { kind: 'note' } }
      }
      await desk.createMessage(access, conversationId, grey)
      await desk.createMessage(access, conversationId, note)
      const reply = await desk.createMessage(agent, conversationId, answer('respuesta'))
      const rows = await desk.listMessagesAfter(access, conversationId, messageId)
      const ours = rows.filter(({ sourceId }) => sourceId === grey.sourceId || sourceId === note.sourceId)
      t.match(ours, [
        { type: 'activity', content: 'reaccionó', sourceId: grey.sourceId },
        { type: 'outgoing', private: true, sourceId: note.sourceId, attributes: note.attributes }
      ])
      t.match(
        rows.find(({ id }) => id === reply.messageId),
        { type: 'outgoing', private: false, sourceId: null, senderType: 'user', status: 'sent' }
      )
      t.ok(
        rows.every(({ createdAt }) => createdAt.getTime() % 1000 === 0),
        'times in whole seconds'
      )
    }
  },
  {
    id: 'CW-IDS-RISE',
    says: 'ids of messages rise over the whole desk in the order of their writing',
    async play(t, ground) {
      const { desk, access } = ground
      const [one, two] = [await begin(ground), await begin(ground)]
      const ids: number[] = [one.messageId, two.messageId]
      for (const place of [one, two, one]) {
        ids.push((await desk.createMessage(access, place.conversationId, incoming('más'))).messageId)
      }
      t.same(
        [...ids].sort((a, b) => a - b),
        ids
      )
    }
  }
]
