/** Assumptions about hooks: what comes for our rows and for people's acts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isOwnEcho, readHook } from '../../adapters/chatwoot/from-wire.ts'
import { verifyHookSignature } from '../../adapters/chatwoot/signature.ts'
import {
  answer,
  asMessage,
  begin,
  type Case,
  call,
  eventually,
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
    says: "an agent's answer comes as a hook: by a user, without source id, routed by the contact's source id",
    async play(t, ground) {
      const { desk, agent, agentId } = ground
      const { conversationId, sourceId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('Hola **tú** <b> & ñ'))
      const { hook, body } = await waitForHook(ground, messageHook(messageId, true))
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
    }
  },
  {
    id: 'CW-HOOK-SIGNED',
    says: "a hook is signed over its time and its raw bytes with the inbox's secret, and with no other",
    since: '4.13.0',
    without: 'hooks are known by their unguessable path alone',
    async play(t, ground) {
      const { desk, agent, secret } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('ñ <b> & "quotes" \u2028 😀'))
      const { received } = await waitForHook(ground, messageHook(messageId, true))
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
      const before = ground.receiver.hooks.length
      const retried = await call(ground, agent, 'POST', `/conversations/${conversationId}/messages/${messageId}/retry`)
      t.equal(retried.status, 200)
      const { hook } = await waitForHook(ground, messageHook(messageId, false), before)
      t.not(asMessage(hook).message.status, 'failed')
      const message = await desk.readMessage(access, conversationId, messageId)
      t.equal(message?.status, 'sent')
      t.equal(message?.attributes.external_error ?? null, null)
    }
  },
  {
    id: 'CW-RETRY-KEEPS',
    says: 'a Retry keeps what a message quotes',
    // No release was seen that keeps it: none may be called wrong for it.
    without: 'the quote is kept in our own memory',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId, messageId: quoted } = await begin(ground)
      const row = { ...answer('sí'), quotesMessageId: quoted }
      const { messageId } = await desk.createMessage(agent, conversationId, row)
      await desk.setStatus(access, conversationId, messageId, 'failed', 'x')
      await call(ground, agent, 'POST', `/conversations/${conversationId}/messages/${messageId}/retry`)
      t.equal((await desk.readMessage(access, conversationId, messageId))?.attributes.in_reply_to, quoted)
    }
  },
  {
    id: 'CW-FAILED-HOOK',
    says: 'a tick that says failed comes back with its reason; any other tick comes back without one',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('hola'))
      for (const [status, reason] of [
        ['failed', 'Not on WhatsApp (131026)'],
        ['delivered', undefined]
      ] as const) {
        const before = ground.receiver.hooks.length
        await desk.setStatus(access, conversationId, messageId, status, reason)
        const { hook } = await waitForHook(ground, messageHook(messageId, false), before)
        t.equal(asMessage(hook).message.attributes.external_error ?? undefined, reason, status)
        t.equal(asMessage(hook).marked, false, 'it is still the message of an agent')
      }
    }
  },
  {
    id: 'CW-HOOK-HEADERS',
    says: 'a hook says when it left, within five minutes of our clock, and has an id of its own',
    since: '4.13.0',
    without: 'hooks are known by their unguessable path alone',
    async play(t, ground) {
      const { desk, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('cabeceras'))
      const { received } = await waitForHook(ground, messageHook(messageId, true))
      const { headers } = received
      t.match(headers['x-chatwoot-delivery'], /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
      t.match(headers['x-chatwoot-signature'], /^sha256=[0-9a-f]{64}$/)
      t.match(headers['content-type'], /^application\/json/)
      const apartSeconds = Math.round(Math.abs(Date.now() / 1000 - Number(headers['x-chatwoot-timestamp'])))
      t.ok(apartSeconds < 300, `clocks within five minutes (${apartSeconds} s apart)`)
    }
  },
  {
    id: 'CW-HOOK-ACCOUNT',
    says: 'the conversation in a hook names its account',
    since: '4.14.2',
    without: 'the inbox key in the path says whose it is',
    async play(t, ground) {
      const { access } = ground
      const { messageId } = await begin(ground)
      const { body } = await waitForHook(ground, messageHook(messageId, true))
      t.match(body, { conversation: { account: { id: access.accountId } } })
    }
  },
  {
    id: 'CW-TYPING',
    says: 'an agent who types, in public or in a note, comes as a hook that says which',
    async play(t, ground) {
      const { agent } = ground
      const { conversationId, sourceId } = await begin(ground)
      const path = `/conversations/${conversationId}/toggle_typing_status`
      for (const [typing_status, is_private] of [
        ['on', false],
        ['off', false],
        ['on', true]
      ] as const) {
        const before = ground.receiver.hooks.length
        await call(ground, agent, 'POST', path, { typing_status, is_private })
        const { hook } = await waitForHook(
          ground,
          hook => hook.kind === 'typing' && hook.conversationId === conversationId,
          before
        )
        t.match(hook, { on: typing_status === 'on', private: is_private, contactSource: sourceId, byUser: true })
      }
    }
  },
  {
    id: 'CW-HOOK-ONCE',
    says: 'a hook that is answered with a fault does not come again, and its message is shown as failed',
    async play(t, ground) {
      const { desk, access, agent, receiver } = ground
      const { conversationId } = await begin(ground)
      const content = unique('mal recibido')
      receiver.answerBadly({ containing: content, status: 500 })
      try {
        const { messageId } = await desk.createMessage(agent, conversationId, answer(content))
        await waitForHook(ground, messageHook(messageId, true))
        const painted = async () => {
          const message = await desk.readMessage(access, conversationId, messageId)
          return message?.status === 'failed' ? message : null
        }
        const message = await eventually(ground, painted, 'the message is shown as failed')
        t.ok(message.attributes.external_error, 'the reason')
        await sleep(1500)
        const created = receiver.hooks.filter(({ raw }) =>
          messageHook(messageId, true)(readHook(JSON.parse(String(raw))))
        )
        t.equal(created.length, 1, 'times it came')
      } finally {
        receiver.answerBadly(null)
      }
    }
  },
  {
    id: 'CW-HOOK-LATE',
    says: 'a hook that is answered after three seconds is still taken as heard',
    slow: true,
    async play(t, ground) {
      const { desk, access, agent, receiver } = ground
      const { conversationId } = await begin(ground)
      const content = unique('tarde')
      receiver.answerBadly({ containing: content, status: 200, afterMs: 3000 })
      try {
        const { messageId } = await desk.createMessage(agent, conversationId, answer(content))
        await waitForHook(ground, messageHook(messageId, true))
        await sleep(4500)
        t.equal((await desk.readMessage(access, conversationId, messageId))?.status, 'sent')
      } finally {
        receiver.answerBadly(null)
      }
    }
  }
]
