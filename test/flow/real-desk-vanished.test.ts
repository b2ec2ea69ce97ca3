/** Deleted conversations and merged contacts send no hook: the reconciliation sees them, and no customer's word is lost. */
import t from 'tap'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, lastEntry, query, type Talk } from './talk.ts'

const FACTOR = 0.05

const rowsSaying = (flow: Flow, content: string): Loose[] =>
  flow.messages().filter(message => message.content === content && message.type === 'incoming')
const read = (flow: Flow): Promise<{ mended: number; found: number }> => flow.runtime.reconcile.run(false)

async function vanish(flow: Flow, talk: Talk): Promise<void> {
  talk.act('deleteConversation')
  await flow.until('gone', () => talk.conversation() === undefined)
}

t.test('what vanishes in the desk without a hook', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  // What is shown failed is looked at by the way, also in conversations that are gone: not what is counted here.
  flow.runtime.reconcile.look = async () => 0

  await t.test('a message written while the deletion was queued is written anew, once', async t => {
    const talk = await beginTalk(flow)
    talk.reply('an answer to the first')
    await flow.until('answered', () => talk.sent()[0])
    await flow.settle()
    await flow.door('desk', { deletionDelayMs: 700 })
    talk.act('deleteConversation')
    await talk.say('nobody saw this')
    await flow.until('written, for a moment', () => rowsSaying(flow, 'nobody saw this').length === 1)
    await flow.until('gone with the conversation', () => talk.conversation() === undefined)
    t.equal(rowsSaying(flow, 'nobody saw this').length, 0)
    t.match(await read(flow), { mended: 1 })
    await flow.until('written anew', () => rowsSaying(flow, 'nobody saw this').length === 1)
    await flow.settle()
    t.equal(rowsSaying(flow, 'Hola').length, 0, 'what an agent answered does not come back')
    t.equal(flow.runtime.metrics.total('desk_mended'), 1)

    // Whoever deletes it again means it.
    await flow.door('desk', { deletionDelayMs: 0 })
    const again = flow.conversations().find(one => one.contact?.phone === `+${talk.customer}`)
    flow.act({ act: 'deleteConversation', conversationId: again.id })
    await flow.until('gone', () => rowsSaying(flow, 'nobody saw this').length === 0)
    await read(flow)
    await flow.settle()
    t.equal(rowsSaying(flow, 'nobody saw this').length, 0)
    await talk.say('and yet')
    await flow.until('the next message finds a conversation', () => rowsSaying(flow, 'and yet').length === 1)
  })

  await t.test('a parked answer of a deleted conversation is not sent', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    const parked = talk.reply('parked, then deleted')
    await flow.until('parked', () => talk.row(parked)?.status === 'failed')
    await flow.settle()
    await vanish(flow, talk)
    await query(flow, `update id_map set created_at = now() where conversation_id = $1`, [talk.conversationId])
    await read(flow)
    await talk.say('I am back')
    await flow.until('a new conversation', () => rowsSaying(flow, 'I am back').length === 1)
    await flow.settle()
    t.equal(talk.sent().length, 0)
  })

  await t.test('a merged contact is noticed, and the next conversation is begun for the right one', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    const known = talk.conversation().contact.id as number
    const { contactId: base } = flow.act({ act: 'createContact', name: 'The same person', email: 'same@example.com' })
    flow.act({ act: 'mergeContacts', base, mergee: known })
    await talk.say('after the merge')
    await flow.until('written', () => rowsSaying(flow, 'after the merge').length === 1)
    t.match(await read(flow), { mended: 1 })
    const bound = await query(flow, 'select contact_id from bindings where conversation_id = $1', [talk.conversationId])
    t.equal(bound[0].contact_id, base)
    t.match(await read(flow), { mended: 0 })
    await vanish(flow, talk)
    await read(flow)
    await flow.settle()
    const mark = lastEntry(flow)
    await flow.runtime.bridge.sleep(1_050)
    await talk.say('a new beginning')
    await flow.until('written', () => rowsSaying(flow, 'a new beginning').length === 1)
    const made = flow
      .conversations()
      .find(one => one.messages.some((each: Loose) => each.content === 'a new beginning'))
    t.equal(made.contact.id, base)
    const refusals = flow
      .ledger({ side: 'desk', what: 'call', after: mark })
      // Attributes that were noted before may still look for the conversation that is gone.
      .filter(entry => (entry.status ?? 0) >= 400 && entry.name !== 'GET /conversations/:id')
    t.same(refusals, [], 'without trying the contact that is gone')
  })

  await t.test('a quiet pass costs one call', async t => {
    await flow.settle()
    await flow.until('nothing young', async () => !(await flow.runtime.reconcile.run(false)).young)
    await flow.settle()
    const mark = lastEntry(flow)
    await read(flow)
    const calls = flow.ledger({ side: 'desk', what: 'call', after: mark }).map(entry => entry.name)
    t.ok(calls.length <= 3, calls.join())
  })
})
