/** What has no lane is set aside too: shown where an administrator looks, and taken up when it can be understood. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { signHook } from '../../adapters/chatwoot/signature.ts'
import { createOversightReads } from '../../adapters/postgres/oversight.ts'
import { replayEvents } from '../../adapters/postgres/replay.ts'
import { readStatus } from '../../plugin/status.ts'
import { printStatus } from '../../plugin/status-screen.ts'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { count, deliver, newWamid, nowSeconds, other, sql, webhook } from './inbound-lab.ts'
import { beginTalk, textsOf } from './talk.ts'

const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }
const FACTOR = 0.1

const status = (flow: Flow) => readStatus(flow.runtime.database, flow.runtime.bridge.numbers, new Date(), PLAIN)
const replay = (flow: Flow, cause: string) => replayEvents(flow.runtime.database.work, { cause, dryRun: false })
const stored = (flow: Flow, code: string): Promise<Loose[]> =>
  sql(flow, 'select number_id, key, state from events where code = $1', [code])

t.test(
  'a webhook of a number that is not connected waits at the installation, and is delivered once it is',
  async t => {
    const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
    const { bridge, database } = flow.runtime
    const own = bridge.registry.numbers()[0]!
    const body = webhook(flow, { text: 'to the number that comes later', wamid: newWamid(), at: nowSeconds() - 90 })
    body.entry[0].changes[0].value.metadata.phone_number_id = '399999999999999'
    t.equal(await deliver(flow, body), 200)
    t.equal((await stored(flow, 'number_unknown'))[0]?.number_id, 0)

    const shown = await status(flow)
    t.same(shown.setAsideOfNone, [{ code: 'number_unknown', count: 1 }])
    t.same(
      shown.needsPerson.filter(each => /no connected number/.test(each)),
      [],
      'it may be served elsewhere'
    )
    t.match(printStatus(shown), /set aside, of no connected number: number_unknown ×1/)
    const reads = createOversightReads(database.people)
    t.match(await reads.aside([own.id, 0]), [{ numberId: 0, code: 'number_unknown', count: 1, replayable: true }])
    t.same(await reads.aside([own.id]), [], 'no account sees what may be another’s')

    await replay(flow, 'number_unknown')
    await flow.until(
      'looked at in vain',
      async () => (await sql(flow, 'select due_at from events where state = 2'))[0]?.due_at === null
    )
    t.equal((await stored(flow, 'number_unknown')).length, 1, 'it stays set aside, once')

    await bridge.numbers.saveNumber({ ...own, phoneNumberId: '399999999999999', inboxKey: 'of-the-second' } as never)
    await flow.runtime.refresh()
    t.equal((await replay(flow, 'number_unknown')).length, 1)
    await flow.until('delivered', () => count(flow, 'to the number that comes later') === 1)
    await deliver(flow, body)
    await flow.settle()
    t.equal(count(flow, 'to the number that comes later'), 1, 'Meta repeats it in vain')
    t.same((await status(flow)).setAsideOfNone, [])
  }
)

t.test(
  'a field that nobody knows yet is stored whole, shown to an administrator, and can be taken up by its name',
  async t => {
    const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
    const ofAccount = JSON.parse(
      readFileSync(new URL('../fixtures/whatsapp/unknown-field.json', import.meta.url), 'utf8')
    )
    ofAccount.entry[0].time = nowSeconds()
    const ofNumber = other(flow, 'some_future_field', 'future_things', [{ id: newWamid() }])
    for (const body of [ofAccount, ofNumber]) t.equal(await deliver(flow, body), 200)
    const rows = await sql(flow, "select state, number_id from events where code = 'unknown_field' order by number_id")
    t.same(
      rows.map(row => [row.state, row.number_id > 0]),
      [
        [3, false],
        [3, true]
      ]
    )
    const { work, people } = flow.runtime.database
    const own = flow.runtime.bridge.registry.numbers()[0]!
    const seen = { kind: 'other', outbound: false, code: 'unknown_field', count: 1, replayable: true }
    t.match(await createOversightReads(people).aside([own.id, 0]), [
      { ...seen, numberId: 0 },
      { ...seen, numberId: own.id }
    ])
    const ofIt = { numberId: own.id, kind: 'other', outbound: false }
    t.equal(
      (await replayEvents(work, { cause: 'unknown_field', aside: ofIt, dryRun: true })).length,
      1,
      'from the page'
    )
    t.equal((await replayEvents(work, { cause: 'unknown_field', dryRun: true })).length, 2)
    t.equal((await replayEvents(work, { dryRun: true })).length, 0, 'not along with everything else')
  }
)

t.test('what an earlier version could not read is taken up under its own key', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const cases: [code: string, state: number, text: string][] = [
    ['nobody_named', 2, 'nobody knew who'],
    ['unknown_field', 3, 'nobody knew what'],
    ['unstorable', 2, 'nobody could store it']
  ]
  for (const [code, state, text] of cases) {
    const wamid = newWamid()
    // Counted only, since it is older than the connecting: stored whole, in no lane.
    await deliver(flow, webhook(flow, { text, wamid, at: nowSeconds() - 3_600 }))
    await sql(flow, 'update events set code = $1, state = $2 where key = $3', [code, state, `m:${wamid}`])
    t.equal((await replay(flow, code)).length, 1, code)
    await flow.until(`${code} in the desk`, () => count(flow, text) === 1)
    await flow.settle()
    t.equal(count(flow, text), 1)
    t.same(await stored(flow, code), [], 'nothing of it is left set aside')
  }
  t.same(
    await replayEvents(flow.runtime.database.work, { hours: 1, dryRun: true }),
    [],
    'and nothing can be taken up twice'
  )
})

t.test('a hook of the desk that could not be stored as such is sent when it is taken up', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  const messageId = talk.reply('kept for a person')
  await flow.until('sent', () => talk.sent().length === 1)
  await flow.settle()
  // As if the first had never been understood.
  await sql(flow, `update events set key = 'u:1', lane_id = null, state = 2, code = 'unstorable' where key = $1`, [
    `d:${messageId}`
  ])
  for (const table of ['deliveries', 'parts', 'receipts'])
    await sql(flow, `delete from ${table} where message_id = $1`, [messageId])
  t.equal((await replay(flow, 'unstorable')).length, 1)
  await flow.until('sent', () => talk.sent().length === 2)
  t.same(textsOf(talk.sent()), ['kept for a person', 'kept for a person'])
})

t.test('a signed hook of the desk that is no JSON is answered 200 and kept; what it told of is read', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const number = flow.runtime.bridge.registry.numbers()[0]!
  const raw = Buffer.from('{"event": "message_created", "content": ')
  const post = (signature: string | null): Promise<Response> => {
    const timestamp = String(nowSeconds())
    return fetch(`${flow.url}/webhooks/chatwoot/${number.inboxKey}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-chatwoot-timestamp': timestamp,
        'x-chatwoot-signature': signature ?? signHook(raw, timestamp, number.hookSecret!)
      },
      body: raw
    })
  }
  t.equal((await post('sha256=00')).status, 401)
  t.same(await stored(flow, 'body_malformed'), [], 'of nobody knows whom: not kept')
  const talk = await beginTalk(flow)
  await flow.settle()
  await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_', count: 1 }])
  talk.reply('told in a hook that nobody could read')
  t.equal((await post(null)).status, 200)
  t.equal((await post(null)).status, 200)
  const kept = await stored(flow, 'body_malformed')
  t.equal(kept.length, 1, 'once')
  t.match(kept[0], { number_id: number.id, state: 2 })
  const shown = await status(flow)
  t.match(shown.numbers[0]!.setAsideCodes, [{ code: 'body_malformed', count: 1 }])
  t.same(await replay(flow, 'body_malformed'), [], 'reading it again would say the same')
  await flow.until('found by reading the desk', () => talk.sent().length === 1, 15_000)
})
