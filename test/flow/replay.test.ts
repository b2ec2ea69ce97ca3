/** What could not be fetched or processed is kept, shown, and can be taken up again. */
import t from 'tap'
import { replayEvents } from '../../adapters/postgres/replay.ts'
import { startFlow } from '../support/puente.ts'

t.test('S90: a picture that could not be fetched is a sentence first, and a picture after a replay', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.1 } })
  await flow.door('faults', [
    { on: 'call:graph', kind: 'status', status: 500, match: 'GET ', body: { error: { code: 2 } } }
  ])
  const { wamid } = await flow.say({ type: 'image', text: 'look' })
  const first = await flow.until('the placeholder', () => flow.messages()[0], 25_000)
  t.equal(first.attachments?.length ?? 0, 0)
  t.match(first.content, /could not|cannot/i, 'the reason stands in the row')
  t.match(first.content, /look/, 'the caption is not lost')
  await flow.settle()
  await flow.door('faults', [])

  const found = await replayEvents(flow.runtime.database.work, { hours: 1, dryRun: true })
  t.same(
    found.map(item => item.code),
    ['wa_temporary']
  )
  const wish = { cause: 'wa_temporary', dryRun: true }
  t.equal((await replayEvents(flow.runtime.database.work, wish)).length, 1)
  t.equal(flow.messages().length, 1, 'a dry run does nothing')
  await replayEvents(flow.runtime.database.work, { ...wish, dryRun: false })
  flow.runtime.jobs.wake()
  const second = await flow.until('the picture', () => flow.messages()[1])
  t.equal(second.attachments.length, 1)
  t.equal(second.sourceId, `${wamid}#101`, 'a row of its own, which no lookup takes for the first')
  await flow.settle()
  t.equal((await replayEvents(flow.runtime.database.work, wish)).length, 0, 'nothing is left to take up')
})
