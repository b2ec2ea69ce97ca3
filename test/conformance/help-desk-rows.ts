/** Assumptions about rows: how they are born, read, ticked, and what they carry. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import type { PuenteError } from '../../plugin/core/errors.ts'
import { NOBODY } from './fence.ts'
import {
  answer,
  asMessage,
  begin,
  type Case,
  call,
  eventually,
  failure,
  incoming,
  messageHook,
  named,
  unique,
  waitForHook
} from './help-desk-ground.ts'

export const ROWS_CASES: Case[] = [
  {
    id: 'CW-BORN-SENT',
    says: 'rows are born sent',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId, messageId } = await begin(ground)
      const reply = await desk.createMessage(agent, conversationId, answer('una respuesta'))
      t.equal((await desk.readMessage(access, conversationId, reply.messageId))?.status, 'sent')
      t.equal((await desk.readMessage(access, conversationId, messageId))?.status, 'sent')
    }
  },
  {
    id: 'CW-SOURCE-REPEATS',
    says: 'a source id may repeat, so that only looking tells whether a row was written',
    async play(t, ground) {
      const { desk, access } = ground
      const row = incoming('dos veces')
      const { conversationId, messageId } = await begin(ground, row)
      const again = await desk.createMessage(access, conversationId, row)
      const rows = await desk.listMessagesAfter(access, conversationId, messageId - 1)
      t.same(
        rows.filter(({ sourceId }) => sourceId === row.sourceId).map(({ id }) => id),
        [messageId, again.messageId]
      )
    }
  },
  {
    id: 'CW-AFTER',
    says: 'messages after an id come ascending, at most a hundred at a time',
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId, messageId } = await begin(ground)
      const made: number[] = []
      for (let nth = 0; nth < 105; nth++) {
        made.push((await desk.createMessage(access, conversationId, incoming(`n ${nth}`))).messageId)
      }
      const first = await desk.listMessagesAfter(access, conversationId, messageId)
      t.same(
        first.map(({ id }) => id),
        made.slice(0, 100)
      )
      const rest = await desk.listMessagesAfter(access, conversationId, first.at(-1)!.id)
      t.same(
        rest.map(({ id }) => id),
        made.slice(100)
      )
      t.same(await desk.listMessagesAfter(access, conversationId, made.at(-1)!), [])
    }
  },
  {
    id: 'CW-AROUND',
    says: 'one message is read by asking for what lies around it',
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId, messageId } = await begin(ground)
      const next = await desk.createMessage(access, conversationId, incoming('otra'))
      t.equal((await desk.readMessage(access, conversationId, messageId))?.id, messageId)
      t.equal(await desk.readMessage(access, conversationId, next.messageId + 1_000_000), null)
      t.equal(await desk.readMessage(access, NOBODY, messageId), null)
    }
  },
  {
    id: 'CW-STATUS',
    says: 'ticks are written one by one; read does not fall back to delivered; the reason lives with failed only',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, answer('hola'))
      const shown = async () => {
        const message = await desk.readMessage(access, conversationId, messageId)
        return [message?.status, message?.attributes.external_error ?? null]
      }
      await desk.setStatus(access, conversationId, messageId, 'failed', 'Not on WhatsApp (131026)')
      t.same(await shown(), ['failed', 'Not on WhatsApp (131026)'])
      await desk.setStatus(access, conversationId, messageId, 'delivered')
      t.same(await shown(), ['delivered', null])
      await desk.setStatus(access, conversationId, messageId, 'read')
      await desk.setStatus(access, conversationId, messageId, 'delivered')
      t.same(await shown(), ['read', null], 'refused in silence')
      await desk.setStatus(access, conversationId, messageId, 'sent')
      t.same(await shown(), ['sent', null], 'everything else is taken')
    }
  },
  {
    id: 'CW-FILES',
    says: 'files go up as one form with their names, and come back whole through the address of the hook',
    async play(t, ground) {
      const { desk, access, folder } = ground
      const { conversationId } = await begin(ground)
      const picture = Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
        'base64'
      )
      const list = Buffer.alloc(200_000, 'precios ')
      writeFileSync(join(folder, 'picture'), picture)
      writeFileSync(join(folder, 'list'), list)
      const row = incoming('foto y lista', {
        attributes: { puente: { files: 2 } },
        files: [
          { path: join(folder, 'picture'), name: 'foto ñ.png', mimeType: 'image/png', sizeBytes: picture.length },
          { path: join(folder, 'list'), name: 'lista.txt', mimeType: 'text/plain', sizeBytes: list.length }
        ]
      })
      const { messageId } = await desk.createMessage(access, conversationId, row)
      const { hook } = await waitForHook(ground, messageHook(messageId, true))
      const { message } = asMessage(hook)
      t.equal(message.content, 'foto y lista')
      t.equal(message.sourceId, row.sourceId)
      t.match(message.attributes, { puente: { files: 2 } })
      t.same(
        message.files.map(({ type, name, sizeBytes }) => [type, name, sizeBytes]),
        [
          ['image', 'foto ñ.png', picture.length],
          ['file', 'lista.txt', list.length]
        ]
      )
      for (const [nth, bytes] of [picture, list].entries()) {
        const file = await desk.openFile(access, message.files[nth]!.url)
        t.ok((await buffer(file.stream)).equals(bytes))
        t.equal(file.name, message.files[nth]!.name)
      }
    }
  },
  {
    id: 'CW-VOICE',
    says: 'a voice note goes up as audio, without any text',
    async play(t, ground) {
      const { desk, access, folder } = ground
      const { conversationId } = await begin(ground)
      const sound = getSample('ogg')!.bytes
      writeFileSync(join(folder, 'sound'), sound)
      const file = { path: join(folder, 'sound'), name: 'voz.ogg', mimeType: 'audio/ogg', sizeBytes: sound.length }
      const { messageId } = await desk.createMessage(
        access,
        conversationId,
        incoming('', { files: [{ ...file, voice: true }] })
      )
      const message = await desk.readMessage(access, conversationId, messageId)
      t.match(message?.files, [{ type: 'audio', name: 'voz.ogg', sizeBytes: sound.length }])
      t.notOk(message?.content)
    }
  },
  {
    id: 'CW-LIQUID',
    says: 'outgoing text is run through Liquid, incoming text is not',
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId, messageId } = await begin(ground, incoming('soy {{contact.name}}'))
      t.equal((await desk.readMessage(access, conversationId, messageId))?.content, 'soy {{contact.name}}')
      const outgoing = { ...answer('hola {{contact.name}}'), sourceId: unique('wamid') }
      const made = await desk.createMessage(access, conversationId, outgoing)
      const read = await desk.readMessage(access, conversationId, made.messageId)
      // Chatwoot writes the names of contacts in capitals there.
      t.equal(read?.content?.toLowerCase(), `hola ${named('conformance')}`)
    }
  },
  {
    id: 'CW-STATUS-INCOMING',
    says: "a customer's row takes a status too, so that one painted failed can be mended",
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId, messageId } = await begin(ground)
      const shown = async () => (await desk.readMessage(access, conversationId, messageId))?.status
      await desk.setStatus(access, conversationId, messageId, 'failed', 'painted')
      t.equal(await shown(), 'failed')
      await desk.setStatus(access, conversationId, messageId, 'sent')
      t.equal(await shown(), 'sent')
    }
  },
  {
    id: 'CW-CHOICES',
    says: 'a row with choices keeps them, and its hook tells them with titles and values',
    async play(t, ground) {
      const { access, agent } = ground
      const { conversationId } = await begin(ground)
      const items = [
        { title: 'Sí, claro', value: 'yes' },
        { title: 'No', value: 'no' }
      ]
      const path = `/conversations/${conversationId}/messages`
      const row = { content: '¿Viene?', content_type: 'input_select', content_attributes: { items } }
      const made = await call(ground, agent, 'POST', path, row)
      const { hook } = await waitForHook(ground, messageHook(made.body?.id, true))
      const { message } = asMessage(hook)
      t.equal(message.contentType, 'input_select')
      t.same(message.attributes.items, items)
      t.equal((await call(ground, access, 'GET', path)).status, 200)
    }
  },
  {
    id: 'CW-FILE-TYPE',
    says: 'a hook tells the type of a file as it was uploaded',
    since: '4.13.0',
    without: 'the type that its storage tells is taken, and the bytes are looked at',
    async play(t, ground) {
      const { desk, access, folder } = ground
      const { conversationId } = await begin(ground)
      const path = join(folder, 'typed')
      writeFileSync(path, '%PDF-1.4 conformance')
      const file = { path, name: 'tarifa.pdf', mimeType: 'application/pdf', sizeBytes: 20 }
      const { messageId } = await desk.createMessage(access, conversationId, incoming('', { files: [file] }))
      const { hook } = await waitForHook(ground, messageHook(messageId, true))
      t.match(asMessage(hook).message.files, [{ type: 'file', name: 'tarifa.pdf', mimeType: 'application/pdf' }])
    }
  },
  {
    id: 'CW-FILE-GONE',
    says: 'the address of a file needs no token; once its message is deleted, it says that the file is gone',
    async play(t, ground) {
      const { desk, access, folder } = ground
      const { conversationId } = await begin(ground)
      const path = join(folder, 'gone')
      writeFileSync(path, 'se va')
      const file = { path, name: 'se-va.txt', mimeType: 'text/plain', sizeBytes: 5 }
      const { messageId } = await desk.createMessage(access, conversationId, incoming('', { files: [file] }))
      const message = await desk.readMessage(access, conversationId, messageId)
      const url = message?.files[0]?.url ?? ''
      const opened = await desk.openFile(access, url)
      t.equal((await buffer(opened.stream)).toString(), 'se va')
      await desk.deleteMessage(access, conversationId, messageId)
      t.same((await desk.readMessage(access, conversationId, messageId))?.files, [], 'the row has none')
      const gone = async () => {
        const answer = await desk.openFile(access, url).catch((error: PuenteError) => error)
        if (!('stream' in answer)) return answer
        answer.stream.resume()
        return null
      }
      t.match(await eventually(ground, gone, 'the file is gone'), { code: 'desk_not_found', facts: { what: 'file' } })
    }
  },
  {
    id: 'CW-DELETE-NOTE',
    says: 'a private note of an agent can be deleted by the service user',
    async play(t, ground) {
      const { desk, access, agent } = ground
      const { conversationId } = await begin(ground)
      const { messageId } = await desk.createMessage(agent, conversationId, { ...answer('482913'), private: true })
      await desk.deleteMessage(access, conversationId, messageId)
      const message = await desk.readMessage(access, conversationId, messageId)
      t.match(message, { private: true, attributes: { deleted: true } })
      t.notOk(message?.content?.includes('482913'), 'its text')
    }
  },
  {
    id: 'CW-FLOOD',
    says: 'the 201st row of a conversation in a minute is refused, and so are its ticks',
    slow: true,
    async play(t, ground) {
      const { desk, access } = ground
      const { conversationId, messageId } = await begin(ground)
      for (let nth = 1; nth < 200; nth++) await desk.createMessage(access, conversationId, incoming(`n ${nth}`))
      const flooded = await failure(desk.createMessage(access, conversationId, incoming('too many')))
      t.equal(flooded.code, 'desk_flood')
      t.ok((flooded.retryAfterSeconds ?? 0) > 0)
      t.equal((await failure(desk.setStatus(access, conversationId, messageId, 'read'))).code, 'desk_flood')
    }
  }
]
