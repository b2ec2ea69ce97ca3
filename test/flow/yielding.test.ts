/** On a desk that does one thing at a time: messages go before ticks, whatever came first. */
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, lastEntry, type Talk } from './talk.ts'

t.test('ticks yield to messages', async t => {
  const flow = await startFlow(t, { statuses: 'manual', injected: { timeFactor: 0.1, fixedDeskLimit: 1 } })
  const talks: Talk[] = []
  for (let i = 0; i < 8; i++) talks.push(await beginTalk(flow))
  for (const talk of talks) talk.reply('answered')
  await flow.until('all sent', () => talks.every(talk => talk.sent().length === 1))
  await flow.settle()
  await flow.runtime.attributes.flush()
  await flow.runtime.attributes.run()
  await flow.settle()
  // A desk that takes its time, so that there is something to wait for.
  await flow.door('faults', [{ on: 'call:desk', kind: 'delay', delayMs: 150 }])
  const mark = lastEntry(flow)
  for (const talk of talks) await flow.sandbox.graph.setStatus(talk.sent()[0].wamid, 'delivered')
  await flow.until(
    'the first tick is on its way',
    () => flow.ledger({ side: 'desk', what: 'call', after: mark }).length > 0
  )
  for (const talk of talks) await talk.say('in the middle of it')
  await flow.until(
    'all told and shown',
    () => {
      const delivered = talks.every(talk =>
        talk.conversation().messages.some((row: Loose) => row.status === 'delivered')
      )
      return delivered && flow.messages().filter(row => row.content === 'in the middle of it').length === talks.length
    },
    30_000
  )
  const calls = flow.ledger({ side: 'desk', what: 'call', after: mark }).map(entry => entry.name)
  const isTick = (name: string): boolean => name.startsWith('PATCH') && name.includes('messages')
  const isMessage = (name: string): boolean => name === 'POST /conversations/:id/messages'
  t.equal(calls.filter(isTick).length, talks.length, 'one call a tick')
  const ticksBeforeLast = calls.slice(0, calls.findLastIndex(isMessage)).filter(isTick).length
  t.ok(ticksBeforeLast <= talks.length / 2, calls.join(' · '))
})
