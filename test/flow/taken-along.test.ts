/**
 * A message of a customer of whom nothing waits: its lane is taken, and its attempt made, by the commit that stores it. What
 * the attempt says is what a worker would have recorded, it is void when nothing was sent, and order stays.
 */
import t from 'tap'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query } from './talk.ts'

const ATTEMPT = `select e.state, e.attempts, e.attempt, l.owner is not null as held, l.id::int as lane, l.fence::int as fence,
    b.conversation_id::int as conversation
  from events e join lanes l on l.id = e.lane_id
  join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
  where e.key like 'm:%' order by e.seq desc limit 1`

t.test('the commit that stores a message takes its lane and makes its attempt', async t => {
  const flow = await startFlow(t)
  keepFromLooking(flow)
  const talk = await beginTalk(flow)
  await flow.settle()
  await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: '/messages', count: 1, delayMs: 800 }])
  await talk.say('on its way at once')
  const [row] = await flow.until('its call', async () => {
    const rows = await query(flow, ATTEMPT)
    return rows[0]!['held'] === true ? rows : null
  })
  t.equal(row!['attempts'], 1)
  t.match(row!['attempt'], {
    kind: 'message',
    step: 0,
    conversationId: talk.conversationId,
    after: talk.question.id,
    lane: row!['lane'],
    fence: row!['fence']
  })
  await flow.settle()
  const [after] = await query(flow, ATTEMPT)
  t.same([after!['state'], after!['attempts'], after!['held']], [1, 1, false], 'no second attempt was recorded')
  t.same(contents(talk.conversation()), ['Hola', 'on its way at once'])
})

t.test('an attempt that was not made is void: nothing is looked for at the desk', async t => {
  const flow = await startFlow(t)
  keepFromLooking(flow)
  const talk = await beginTalk(flow)
  await flow.settle()
  // The rows of this minute are used up when the message has its permit already; a shorter minute than the desk's.
  const { rowPace } = flow.runtime.bridge
  let asked = 0
  Object.assign(flow.runtime.bridge, {
    rowPace: (...row: Parameters<typeof rowPace>) => (asked++ === 0 ? 700 : rowPace(...row))
  })
  const mark = flow.ledger().at(-1)!.n
  await talk.say('has to wait')
  const waiting = await flow.until('it waits', async () => {
    const [row] = await query(flow, ATTEMPT)
    return row!['held'] === false && row!['state'] === 0 ? row : null
  })
  t.match(waiting['attempt'], { kind: 'message', void: true })
  await flow.until('it', () => contents(talk.conversation()).includes('has to wait'), 20_000)
  await flow.settle()
  const calls = flow.ledger({ side: 'desk', what: 'call', after: mark }).map(entry => entry.name)
  t.notOk(
    calls.some(name => name.startsWith('GET') && name.includes('/messages')),
    calls.join()
  )
  t.same(contents(talk.conversation()), ['Hola', 'has to wait'])
})

t.test(
  'several messages of one customer in one webhook, and more while they are written: each once, in order',
  async t => {
    const flow = await startFlow(t)
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: '/messages', count: 2, delayMs: 300 }])
    const { customer } = talk
    await flow.door('say', {
      messages: ['one', 'two', 'three'].map(text => ({ customer, type: 'text', text })),
      batch: 3
    })
    await talk.say('four')
    await talk.say('five')
    await flow.settle()
    t.same(contents(talk.conversation()), ['Hola', 'one', 'two', 'three', 'four', 'five'])
  }
)

t.test('a first message has no conversation to stand on: its lane is taken, its attempts are its own', async t => {
  const flow = await startFlow(t)
  await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: '/contacts', count: 1, delayMs: 500 }])
  await flow.say({ customer: '34611000777', text: 'Hola' })
  const rows = await flow.until('its call', async () => {
    const rows = await query(flow, 'select attempt from events where attempt is not null')
    return rows.length > 0 ? rows : null
  })
  t.match(rows[0]!['attempt'], { kind: 'contact', fence: undefined })
  await flow.settle()
  t.same(flow.conversations().map(contents), [['Hola']])
})

const contents = (conversation: Loose): string[] => conversation.messages.map((message: Loose) => message.content)

/** The looks after a start read messages, too, and hold a permit meanwhile. */
function keepFromLooking(flow: Flow): void {
  flow.runtime.reconcile.run = async () => ({ found: 0, mended: 0, young: false })
  flow.runtime.reconcile.look = async () => 0
}
