/**
 * A request that Puente gave up and the desk carried out all the same, so late that the look after the settle time did not
 * see it: of the two rows the younger goes, and the elder is the message from then on.
 */
import t from 'tap'
import { PuenteError } from '../../plugin/core/errors.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query } from './talk.ts'

t.test('a late commit of the desk makes no second row', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.02 } })
  const talk = await beginTalk(flow)
  await flow.settle()
  const { desk } = flow.runtime.bridge
  const { createMessage } = desk
  let calls = 0
  desk.createMessage = async (...given) => {
    calls++
    if (calls === 1) throw new PuenteError('desk_no_answer')
    // The first request's commit, between the look and the second request.
    if (calls === 2) await createMessage(given[0], given[1], given[2])
    return createMessage(...given)
  }
  await talk.say('said once')
  const shown = (): Loose[] => talk.conversation().messages.filter((row: Loose) => row.content === 'said once')
  await flow.until('two rows became one', () => flow.runtime.metrics.total('twins_deleted') === 1, 15_000)
  await flow.until('deleted', () => shown().length === 1)
  await flow.settle()
  t.equal(calls, 2)
  const [row] = shown()
  const [mapped] = await query(
    flow,
    'select message_id, wamid from id_map where conversation_id = $1 order by message_id desc limit 1',
    [talk.conversationId]
  )
  t.equal(Number(mapped.message_id), row!.id, 'what is quoted or deleted later is the row that stayed')
  talk.reply('to that', { inReplyTo: row!.id })
  await flow.until('sent', () => talk.sent()[0])
  t.equal(talk.sent()[0].context.message_id, mapped.wamid)
})
