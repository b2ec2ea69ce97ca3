/** Bull on a real Redis protocol: the same round trip, and the same again while Redis is flushed, stopped, back. */
import t from 'tap'
import { startFlow } from '../support/puente.ts'
import { useRedis } from '../support/redis.ts'
import { beginTalk } from './talk.ts'

t.test('jobs on Redis', async t => {
  const redis = await useRedis(t)
  const flow = await startFlow(t, { options: { redisUrl: redis.url } })
  t.equal(flow.runtime.jobs.state().kind, 'bull')
  const hookAnswers = (after: number): (number | undefined)[] =>
    flow.ledger({ what: 'hook', after }).map(entry => entry.status)
  const roundTrip = async (name: string): Promise<void> => {
    const mark = flow.ledger().at(-1)?.n ?? 0
    const talk = await beginTalk(flow, `${name}?`)
    const messageId = talk.reply(`${name}!`)
    await flow.until(`${name}: the answer`, () => talk.sent()[0], 20_000)
    t.match(talk.sent()[0], { text: { body: `${name}!` } })
    await flow.until(`${name}: blue`, () => talk.row(messageId).status === 'read', 20_000)
    await flow.settle()
    t.equal(talk.sent().length, 1)
    const answers = hookAnswers(mark)
    t.ok(answers.length > 0)
    t.ok(
      answers.every(status => status === 200),
      `${name}: every webhook is answered 200`
    )
  }
  await roundTrip('with Redis')
  await redis.flush()
  await roundTrip('after a flush')
  await redis.stop()
  await roundTrip('without Redis')
  await redis.start()
  await roundTrip('with Redis again')
})
