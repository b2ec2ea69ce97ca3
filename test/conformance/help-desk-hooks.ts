/** Assumptions about hooks: what comes for our rows and for people's acts. */
import { isOwnEcho } from '../../adapters/chatwoot/from-wire.ts'
import { verifyHookSignature } from '../../adapters/chatwoot/signature.ts'
import {
  answer,
  asMessage,
  begin,
  type Case,
  call,
  incoming,
  messageHook,
  unique,
  waitForHook
} from './help-desk-ground.ts'

export const HOOKS_CASES: Case[] = [
  {
    id: 'CW-QUOTE',
    says: 'a quote goes by message id, and hooks tell the source id of the quoted row',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const quoted = incoming('¿tienen?')
      const { conversationId, messageId } = await begin(ground, quoted)
      const row = { ...answer('sí'), quotesMessageId: messageId }
      const reply = await desk.createMessage(agent, conversationId, row)
      const { hook } = await waitForHook(ground, messageHook(reply.messageId, true))
      t.match(hook, { quotesMessageId: messageId, quotesSourceId: quoted.sourceId })
      const lost = await desk.createMessage(agent, conversationId, {
        ...answer('¿y esto?'),
        attributes: { in_reply_to_external_id: 'unknown' }
      })
      const message = await desk.readMessage(access, conversationId, lost.messageId)
      t.equal(message?.attributes.in_reply_to_external_id ?? null, null, 'unknown source ids are lost')
    }
  },
  {
    id: 'CW-DELETE',
    says: 'a deleted row stays, with its source id, as a row that says so',
    async play(t, ground) {
      const { desk, access } = ground
      const row = incoming('secreto', { attributes: { puente: { kind: 'x' } } })
      const { conversationId, messageId } = await begin(ground, row)
      await desk.deleteMessage(access, conversationId, messageId)
      const message = await desk.readMessage(access, conversationId, messageId)
      t.equal(message?.sourceId, row.sourceId)
      t.not(message?.content, 'secreto')
      t.same(message?.attributes, { deleted: true })
      const { hook } = await waitForHook(ground, hook => messageHook(messageId, false)(hook) && asMessage(hook).deleted)
      t.equal(asMessage(hook).marked, true, 'the source id still marks it as ours')
      await desk.deleteMessage(access, conversationId, messageId)
      await desk.deleteMessage(access, conversationId, messageId + 1_000_000)
    }
  },
  {
    id: 'CW-HOOK',
    says: "an agent's answer comes as a signed hook: by a user, without source id, routed by the contact's source id",
    async play(t, ground) {
      const { desk, agent, agentId, secret } = ground
      const { conversationId, sourceId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('Hola **tú** <b> & ñ'))
      const { hook, body, received } = await waitForHook(ground, messageHook(messageId, true))
      t.match(hook, {
        contactSource: sourceId,
        deleted: false,
        marked: false,
        conversationStatus: 'open',
        message: {
          conversationId,
          type: 'outgoing',
          content: 'Hola **tú** <b> & ñ',
          private: false,
          sourceId: null,
          senderType: 'user',
          senderId: agentId
        }
      })
      t.equal(isOwnEcho(body), null)
      const proof = {
        raw: received.raw,
        timestamp: String(received.headers['x-chatwoot-timestamp']),
        signature: String(received.headers['x-chatwoot-signature']),
        secret
      }
      const now = new Date(Number(proof.timestamp) * 1000)
      t.equal(verifyHookSignature({ ...proof, now }), 'valid')
      t.equal(verifyHookSignature({ ...proof, now, secret: 'other' }), 'invalid')
    }
  },
  {
    id: 'CW-ECHO',
    says: 'what we write comes back and is recognised by itself',
    async play(t, ground) {
      const { desk, access } = ground
      const first = incoming('eco')
      const { conversationId, messageId } = await begin(ground, first)
      const echo = await waitForHook(ground, messageHook(messageId, true))
      const { sourceId } = first
      t.same(isOwnEcho(echo.body), { conversationId, messageId, sourceId, event: 'message_created' })
      const outgoing = { type: 'outgoing' as const, content: 'desde el móvil', sourceId: unique('wamid') }
      const mirrored = await desk.createMessage(access, conversationId, {
        ...outgoing,
        attributes: { external_echo: true, puente: { echo: true } }
      })
      const note = await desk.createMessage(access, conversationId, {
        type: 'outgoing',
        content: 'nota',
        private: true,
        attributes: { puente: { note: true } }
      })
      for (const id of [mirrored.messageId, note.messageId]) {
        const { body, hook } = await waitForHook(ground, messageHook(id, true))
        t.equal(isOwnEcho(body)?.messageId, id)
        t.equal(asMessage(hook).marked, true)
      }
    }
  },
  {
    id: 'CW-PRIVATE',
    says: 'private notes are delivered too, and say so',
    async play(t, ground) {
      const { desk, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, { ...answer('ojo'), private: true })
      const { hook, body } = await waitForHook(ground, messageHook(messageId, true))
      t.equal(asMessage(hook).message.private, true)
      t.equal(isOwnEcho(body), null)
    }
  },
  {
    id: 'CW-RETRY',
    says: 'a Retry shows as sent again, without any new message',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('otra vez'))
      await desk.setStatus(access, conversationId, messageId, 'failed', 'x')
      await waitForHook(
        ground,
        hook => messageHook(messageId, false)(hook) && asMessage(hook).message.status === 'failed'
      )
      const before = ground.hooks.length
      const retried = await call(ground, agent, 'POST', `/conversations/${conversationId}/messages/${messageId}/retry`)
      t.equal(retried.status, 200)
      const { hook } = await waitForHook(ground, messageHook(messageId, false), before)
      t.not(asMessage(hook).message.status, 'failed')
      const message = await desk.readMessage(access, conversationId, messageId)
      t.equal(message?.status, 'sent')
      t.equal(message?.attributes.external_error ?? null, null)
    }
  }
]
