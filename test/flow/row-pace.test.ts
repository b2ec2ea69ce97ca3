/** Every row of ours counts among the 150 of a conversation and minute, however it came there. */
import t from 'tap'
import { RULES } from '../../plugin/core/rules.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk } from './talk.ts'

t.test('the row that a conversation began with, the customer’s rows and private notes are all counted', async t => {
  const flow = await startFlow(t)
  const { bridge } = flow.runtime
  const talk = await beginTalk(flow, 'embedded')
  await talk.say('a row of its own')
  await flow.until('it', () => talk.conversation().messages.length === 2)
  const messageId = talk.reply('said too much')
  await flow.until('sent', () => talk.row(messageId).status === 'read')
  talk.act('delete', { messageId })
  await flow.until('the note', () => talk.conversation().messages.some((message: Loose) => message.private))
  await flow.settle()
  const { deskId } = bridge.registry.numbers()[0]!
  let room = 0
  while (bridge.rowPace(deskId, talk.conversationId) === 0) room++
  t.equal(room, RULES.deskRowsPerMinute.value - 3)
})

t.test('a private note waits for its place among the rows of a minute like any other', async t => {
  const flow = await startFlow(t)
  const talk = await beginTalk(flow)
  const messageId = talk.reply('said too much')
  await flow.until('sent', () => talk.row(messageId).status === 'read')
  await flow.settle()
  const { rowPace } = flow.runtime.bridge
  let askedAt = 0
  // The rows of this minute are used up once; a shorter minute than the desk's.
  Object.assign(flow.runtime.bridge, {
    rowPace: (...row: Parameters<typeof rowPace>) => {
      if (askedAt > 0) return rowPace(...row)
      askedAt = Date.now()
      return 900
    }
  })
  talk.act('delete', { messageId })
  const note = (): Loose => talk.conversation().messages.find((message: Loose) => message.private)
  await flow.until('the note', note)
  t.ok(askedAt > 0 && note().createdAt - askedAt >= 850, `written ${note().createdAt - askedAt} ms after it was asked`)
})
