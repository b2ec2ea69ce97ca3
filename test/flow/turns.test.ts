/** Whoever waited long for a pace or a permit lets pass what is older and came meanwhile; each is delivered once. */
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { conversationsOf, deliver, nowSeconds, webhook } from './inbound-lab.ts'
import { beginTalk, textsOf } from './talk.ts'

/** Longer than a lane is worked from one picture. */
const LONG_MS = 1_300

t.test('an older one that comes during a wait goes first', async t => {
  const flow = await startFlow(t)
  const { bridge } = flow.runtime
  const talk = await beginTalk(flow)

  await t.test('answers: the pace of the number', async t => {
    const { numberPace } = bridge
    let waits = 1
    bridge.numberPace = async numberId => {
      if (waits-- > 0) await bridge.sleep(LONG_MS)
      return numberPace(numberId)
    }
    await flow.door('faults', [{ on: 'hook:desk', kind: 'delay', match: 'message_created', count: 1, delayMs: 600 }])
    talk.reply('older, its hook is late')
    talk.reply('younger')
    await flow.until('both', () => talk.sent().length === 2)
    await flow.settle()
    bridge.numberPace = numberPace
    t.same(textsOf(talk.sent()), ['older, its hook is late', 'younger'])
    t.ok(waits < 0, 'the younger one was asked first')
  })

  await t.test('messages: a permit of the desk', async t => {
    const permits = bridge.permits(bridge.registry.desks()[0]!.id)
    const acquire = permits.acquire.bind(permits)
    let waits = 1
    permits.acquire = async priority => {
      if (waits-- > 0) await bridge.sleep(LONG_MS)
      return acquire(priority)
    }
    const at = nowSeconds()
    const said = (text: string, second: number): Loose => webhook(flow, { text, waId: talk.customer, at: second })
    await deliver(flow, said('a younger word', at))
    await flow.until('asked for its permit', () => waits < 1)
    await deliver(flow, said('an older word', at - 1))
    await flow.settle()
    permits.acquire = acquire
    const [conversation] = conversationsOf(flow, { waId: talk.customer })
    t.same(
      conversation.messages
        .map((row: Loose) => row.content)
        .filter((content: string) => /^(an older|a younger) word$/.test(content)),
      ['an older word', 'a younger word']
    )
  })
})
