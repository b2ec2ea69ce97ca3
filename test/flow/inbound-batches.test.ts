/**
 * Batches and repetitions: every item of every webhook is handled once, in order, whatever stands beside it, however
 * often it comes, and however old it is.
 */
import t from 'tap'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import {
  allRows,
  callsSince,
  conversationsOf,
  count,
  deliver,
  envelope,
  ledgerMark,
  newWamid,
  nowSeconds,
  sql,
  value,
  webhook
} from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const DAY_SECONDS = 86_400

async function stored(flow: Flow): Promise<number> {
  return Number((await sql(flow, 'select count(*) as n from events'))[0]!.n)
}

t.test('batches: every entry, change, message and status is handled, also around a poison', async t => {
  const flow = await startFlow(t)
  const entries: Loose[] = []
  const texts: string[] = []
  for (let e = 0; e < 3; e++) {
    const changes: Loose[] = []
    for (let c = 0; c < 4; c++) {
      const said = Array.from({ length: 5 }, (_, m) => {
        const text = `e${e} c${c} m${m}`
        texts.push(text)
        return { text, waId: `1555030${e}${c}${m}0` }
      })
      const status = { id: `wamid.S${e}${c}`, status: 'read', timestamp: String(nowSeconds()), recipient_id: '1' }
      changes.push({ field: 'messages', value: value(flow, said, { statuses: [status] }) })
    }
    entries.push({ id: String(e), changes })
  }
  // In the middle: numbers that are nobody's, shapes that are nothing, and one that cannot be stored as text.
  const foreign = value(flow, [{ text: 'for somebody else' }])
  foreign.metadata.phone_number_id = '999999999999999'
  entries[1]!.changes.splice(2, 0, { field: 'messages', value: foreign }, null, 7, { field: 'messages' })
  entries[1]!.changes[0].value.messages.splice(2, 0, null, 'poison', { id: 'wamid.\u0000', type: {} }, { type: 'text' })
  entries.splice(1, 0, null as Loose, { id: 'x' }, 'entry')
  t.equal(await deliver(flow, { object: 'whatsapp_business_account', entry: entries }), 200)
  await flow.settle(60_000)
  t.same(
    allRows(flow)
      .map(row => row.content)
      .sort(),
    [...texts].sort(),
    'all sixty, and only they'
  )
  t.equal((await sql(flow, "select 1 from receipts where wamid like 'wamid.S%' and rank = 4")).length, 12)
  const aside = await sql(flow, "select code from events where code = 'number_unknown'")
  t.equal(aside.length, 1, 'what is for another number is shown, not delivered')

  await t.test('a thousand updates in one body', async t => {
    const changes: Loose[] = []
    for (let c = 0; c < 10; c++) {
      const said = Array.from({ length: 10 }, (_, m) => ({ text: `k${c}.${m}`, waId: `155504000${c}0` }))
      const reads = Array.from({ length: 90 }, (_, m) => ({
        id: `wamid.K${c}.${m}`,
        status: 'delivered',
        timestamp: String(nowSeconds()),
        recipient_id: `155504000${c}0`
      }))
      changes.push({ field: 'messages', value: value(flow, said, { statuses: reads }) })
    }
    t.equal(await deliver(flow, { object: 'whatsapp_business_account', entry: [{ id: '1', changes }] }), 200)
    await flow.settle(60_000)
    t.equal((await sql(flow, "select 1 from receipts where wamid like 'wamid.K%'")).length, 900)
    for (let c = 0; c < 10; c++) {
      const [conversation] = conversationsOf(flow, { waId: `155504000${c}0` })
      t.same(
        conversation.messages.map((row: Loose) => row.content),
        Array.from({ length: 10 }, (_, m) => `k${c}.${m}`),
        'in order'
      )
    }
  })
})

t.test('the same message is shown once, whatever Meta repeats', async t => {
  const flow = await startFlow(t, { numbers: 2 })
  const wamid = newWamid()
  const body = webhook(flow, { wamid, text: 'once' })
  const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(flow, body)))
  t.same(new Set(answers), new Set([200]), 'a hundred at the same time')
  await flow.until('the row', () => flow.messages().length > 0, 30_000)
  await flow.settle(30_000)
  t.equal(count(flow, 'once'), 1)
  t.equal(flow.conversations().length, 1)
  t.equal((await sql(flow, 'select 1 from events where key = $1', [`m:${wamid}`])).length, 1)

  const mark = ledgerMark(flow)
  t.equal(await deliver(flow, body), 200)
  t.equal(await deliver(flow, webhook(flow, { wamid, text: 'other words' })), 200)
  t.equal(await deliver(flow, webhook(flow, { wamid, text: 'once' }, { text: 'and a new one' })), 200)
  await flow.until('the new one', () => count(flow, 'and a new one') === 1, 30_000)
  await flow.settle(30_000)
  t.same(callsSince(flow, mark), ['POST /conversations/:id/messages'], 'a repetition costs the desk nothing')
  t.equal(count(flow, 'other words'), 0, 'the first content stays')

  await t.test('the same id at another number is another message', async t => {
    const [, second] = (flow.sandbox.graph.config() as Loose).numbers
    const elsewhere = webhook(flow, { wamid, text: 'at the second number' })
    elsewhere.entry[0].changes[0].value.metadata.phone_number_id = second.phoneNumberId
    t.equal(await deliver(flow, elsewhere), 200)
    await flow.until('the row', () => count(flow, 'at the second number') === 1, 30_000)
    const inboxes = new Set(flow.conversations().map(each => each.inboxId))
    t.equal(inboxes.size, 2, 'each number has an inbox of its own')
    t.equal(new Set(flow.conversations().map(each => each.contact.id)).size, 1, 'and the customer one contact')
  })

  await t.test('S14: what is older than the connecting is counted, not delivered', async t => {
    await sql(flow, "update numbers set connected_at = now() - interval '2 days'")
    await flow.runtime.refresh()
    const at = nowSeconds()
    const old = { text: 'before we came', at: at - 3 * DAY_SECONDS, waId: '15550107701' }
    t.equal(await deliver(flow, webhook(flow, old)), 200)
    const young = { text: 'yesterday, late', at: at - DAY_SECONDS, waId: '15550107702' }
    t.equal(await deliver(flow, webhook(flow, young)), 200)
    await flow.until('the young one', () => count(flow, 'yesterday, late') === 1, 30_000)
    await flow.settle(30_000)
    t.equal(count(flow, 'before we came'), 0)
    const [row] = await sql(flow, "select state, code from events where code = 'before_connecting'")
    t.match(row, { state: 3, code: 'before_connecting' })
    t.equal(flow.runtime.metrics.total('before_connecting'), 1)
    // The window counts from when the customer wrote by WhatsApp's clock, not from when we heard of it.
    const { id } = flow
      .conversations()
      .find(each => each.messages.some((row: Loose) => row.content === 'yesterday, late'))
    const { messageId } = flow.reply({ conversationId: id, content: 'too late for free words' })
    const shown = (): Loose => flow.messages().find(row => row.id === messageId)
    await flow.until('parked', () => shown().status === 'failed', 30_000)
    t.match(shown().contentAttributes.external_error, /24/)
    t.same(flow.sent(), [])
  })

  await t.test('what Puente itself says in the desk is in the language of the number', async t => {
    const SPANISH = /WhatsApp no (?:pudo|pasa|pasó)|mensaje de un tipo/
    await sql(flow, "update numbers set locale = 'es'")
    await flow.runtime.refresh()
    t.teardown(async () => {
      await sql(flow, "update numbers set locale = 'en'")
      await flow.runtime.refresh()
    })
    const waId = '15550107703'
    t.equal(
      await deliver(
        flow,
        webhook(flow, { waId, more: { type: 'unsupported', text: undefined, errors: [{ code: 131051 }] } })
      ),
      200
    )
    await flow.until('the placeholder', () => flow.messages().some(row => SPANISH.test(row.content ?? '')), 30_000)
    const { id } = flow
      .conversations()
      .find(each => each.messages.some((row: Loose) => SPANISH.test(row.content ?? '')))
    const { messageId } = flow.reply({ conversationId: id, content: 'Hola' })
    const shown = (): Loose => flow.messages().find(row => row.id === messageId)
    await flow.until('failed', () => shown().status === 'failed', 30_000)
    // WhatsApp itself heard nothing of this customer here and refuses the answer: parked, and that is said in Spanish.
    t.match(shown().contentAttributes.external_error, /^El cliente escribió hace más de 24 h\./)
  })

  await t.test('what is older than the memory for duplicates is counted, and no row is kept', async t => {
    await sql(flow, "update numbers set connected_at = now() - interval '60 days'")
    await flow.runtime.refresh()
    const before = await stored(flow)
    const at = nowSeconds() - 15 * DAY_SECONDS
    const ancient = webhook(flow, { text: 'from last month', at }, { text: 'and another', at: at - 30 * DAY_SECONDS })
    for (let n = 0; n < 2; n++) t.equal(await deliver(flow, ancient), 200)
    const n = async (): Promise<number> =>
      Number((await sql(flow, "select coalesce(sum(n), 0) as n from counters where name = 'too_old'"))[0]!.n)
    await flow.until('the count', async () => (await n()) === 4, 10_000)
    t.equal(await stored(flow), before)
    t.equal(count(flow, 'from last month'), 0)
    const edge = { text: 'thirteen days', at: nowSeconds() - 13 * DAY_SECONDS, waId: '15550107703' }
    t.equal(await deliver(flow, webhook(flow, edge)), 200)
    await flow.until('within the memory', () => count(flow, 'thirteen days') === 1, 30_000)
    t.equal(await deliver(flow, webhook(flow, edge)), 200)
  })

  await t.test('times that cannot be count as now', async t => {
    const odd = [
      { text: 'no time', more: { timestamp: undefined }, waId: '15550107704' },
      { text: 'time zero', more: { timestamp: '0' }, waId: '15550107705' },
      { text: 'next year', at: nowSeconds() + 400 * DAY_SECONDS, waId: '15550107706' },
      { text: 'a word', more: { timestamp: 'soon' }, waId: '15550107707' }
    ]
    t.equal(await deliver(flow, envelope(value(flow, odd))), 200)
    for (const { text } of odd) await flow.until(text, () => count(flow, text) === 1, 30_000)
    await flow.settle(30_000)
  })
})
