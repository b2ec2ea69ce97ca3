/** How fast, and what pauses: a pair, a number, a token; and that nobody else is held up by it. */
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query, type Talk, textsOf } from './talk.ts'

t.test('pace and pauses', async t => {
  const flow = await startFlow(t, { numbers: 2, injected: { timeFactor: 0.1, random: () => 0 } })
  const { graph } = flow.sandbox.config() as Loose
  const [first, second] = graph.numbers as Loose[]
  const served = (phoneNumberId: string): Loose => flow.runtime.bridge.registry.byPhoneNumberId(phoneNumberId)
  // The second number has a token of its own.
  const other = served(second.phoneNumberId)
  await flow.runtime.bridge.numbers.saveNumber({ ...other, token: `${graph.appId}|${graph.appSecret}` } as never)
  await flow.runtime.refresh()
  const refusals = (code: number): number =>
    flow
      .ledger({ side: 'graph', what: 'call', name: 'POST /messages' })
      .filter(call => (call.status ?? 200) >= 400 && JSON.stringify(call).includes(String(code))).length

  await t.test('45 to one customer at once, then one in 6 s; other customers do not wait', async t => {
    const talk = await beginTalk(flow)
    const neighbour = await beginTalk(flow)
    const started = performance.now()
    const wanted = Array.from({ length: 46 }, (_, index) => `message ${index}`)
    for (const content of wanted) talk.reply(content)
    await flow.until('the burst', () => talk.sent().length >= 45, 15_000)
    neighbour.reply('meanwhile')
    await flow.until('the neighbour', () => neighbour.sent()[0], 3_000)
    t.equal(talk.sent().length, 45)
    await flow.until('the last', () => talk.sent().length === 46, 15_000)
    t.ok(performance.now() - started > 4_500, 'it was waited for')
    t.same(textsOf(talk.sent()), wanted)
    t.equal(refusals(131056), 0, 'WhatsApp never had to refuse')
  })

  await t.test('131056 lets this customer wait, and nobody else', async t => {
    const talk = await beginTalk(flow)
    const neighbour = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 131056, as: 'sync', customer: talk.customer } })
    const started = performance.now()
    talk.reply('throttled')
    talk.reply('behind it')
    await flow.until('refused', () => flow.ledger({ side: 'graph', what: 'call' }).some(call => call.status === 400))
    neighbour.reply('meanwhile')
    await flow.until('the neighbour', () => neighbour.sent()[0], 3_000)
    t.equal(talk.sent().length, 0)
    await flow.until('both', () => talk.sent().length === 2, 15_000)
    t.ok(performance.now() - started > 900)
    t.same(textsOf(talk.sent()), ['throttled', 'behind it'])
  })

  await t.test('G2: refused again and again, the pair waits four times as long each time', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    const refusal = { kind: 'status', status: 400, body: { code: 131056 }, match: 'POST /messages send', count: 2 }
    await flow.door('faults', [{ on: 'call:graph', ...refusal }])
    const mark = flow.ledger().at(-1)!.n
    talk.reply('in the end')
    await flow.until('sent', () => talk.sent().length === 1, 30_000)
    const tries = flow
      .ledger({ side: 'graph', what: 'call', name: 'POST /messages', after: mark })
      .filter(call => call.status === 400 || call.ids['kind'] === 'send')
      .map(call => call.at)
    const waits = tries.slice(1).map((at, index) => at - tries[index]!)
    t.equal(waits.length, 2, waits.join())
    for (const [index, wait] of waits.entries()) {
      const wantedMs = 1_000 * 4 ** index
      t.ok(wait >= wantedMs - 50 && wait < wantedMs + 2_500, `${wait} of ${wantedMs}`)
    }
  })

  const onSecond = async (customer: string): Promise<{ conversation: Loose; reply: (content: string) => number }> => {
    await flow.say({ customer, text: 'to the other number', number: second.phoneNumberId })
    const conversation = await flow.until('its conversation', () =>
      flow.conversations().find(one => one.contact?.phone === `+${customer}`)
    )
    return {
      conversation,
      reply: content => flow.reply({ conversationId: conversation.id, content }).messageId
    }
  }
  const sentBy = (phoneNumberId: string): Loose[] =>
    flow
      .ledger({ side: 'graph', what: 'effect', name: 'sent' })
      .filter(entry => entry.ids['number'] === phoneNumberId)
      .map(entry => entry.body as Loose)

  await t.test('a number sends no faster than Graph says that it may', async t => {
    const talks: Talk[] = []
    for (let i = 0; i < 12; i++) talks.push(await beginTalk(flow))
    await flow.settle()
    const pace = (perSecond: number): Promise<Loose[]> =>
      query(flow, 'update numbers set throughput_per_second = $1 where phone_number_id = $2', [
        perSecond,
        first.phoneNumberId
      ])
    await pace(4)
    await flow.runtime.refresh()
    // What may be saved up while nothing is sent is not what is asked here.
    for (const talk of talks.slice(0, 4)) talk.reply('warm')
    await flow.until('warm', () => talks.slice(0, 4).every(talk => talk.sent().length === 1))
    const startedMs = performance.now()
    for (const talk of talks) talk.reply('in its turn')
    await flow.until('all sent', () => talks.every(talk => talk.sent().some(each => each.text.body === 'in its turn')))
    const tookMs = performance.now() - startedMs
    t.ok(tookMs > 1_700, `twelve at four a second took ${Math.round(tookMs)} ms`)
    await pace(80)
    await flow.runtime.refresh()
  })

  await t.test('130429 pauses this number only, for a moment', async t => {
    const talk = await beginTalk(flow)
    const neighbour = await onSecond('34611000801')
    await flow.door('graph', { failNext: { code: 130429, as: 'sync', customer: talk.customer } })
    const messageId = talk.reply('too fast')
    neighbour.reply('the other number goes on')
    await flow.until('the other number', () => sentBy(second.phoneNumberId).length === 1, 3_000)
    await flow.until('by itself', () => talk.sent()[0], 15_000)
    await flow.settle()
    t.equal(talk.sent().length, 1)
    t.not(talk.row(messageId).status, 'failed', 'nobody needs to know of a moment')
  })

  const aged = (messageId: number): Promise<unknown> =>
    query(flow, `update events set received_at = received_at - interval '25 hours' where key = $1`, [`d:${messageId}`])
  const refusedFor = (content: string): Promise<unknown> =>
    flow.until('refused once', async () => (await query(flow, `select 1 from parts where code = $1`, [content]))[0])

  await t.test(
    'a pair that stays throttled for a day: shown failed, and what was written behind it goes on',
    async t => {
      const talk = await beginTalk(flow)
      await flow.door('graph', { failNext: { code: 131056, as: 'sync', customer: talk.customer, count: 1_000 } })
      const messageId = talk.reply('throttled for ever')
      await refusedFor('wa_throttled_pair')
      await aged(messageId)
      await flow.until('shown failed', () => talk.row(messageId).status === 'failed', 20_000)
      t.match(talk.row(messageId).contentAttributes.external_error, /wa_throttled_pair/)
      const behind = talk.reply('behind it')
      await flow.door('graph', { failNext: null })
      await flow.until('what came behind', () => talk.sent().length === 1, 20_000)
      t.same(textsOf(talk.sent()), ['behind it'])
      t.not(talk.row(behind).status, 'failed')
    }
  )

  await t.test('a number that stays throttled for a day gives up each waiting answer, tried itself or not', async t => {
    const talk = await beginTalk(flow)
    const other = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 130429, as: 'sync', count: 1_000 } })
    const messageId = talk.reply('throttled for ever')
    await refusedFor('wa_throttled_number')
    const second = other.reply('never even tried')
    await flow.until(
      'stored',
      async () => (await query(flow, 'select 1 from events where key = $1', [`d:${second}`]))[0]
    )
    await aged(messageId)
    await aged(second)
    await flow.until(
      'both shown failed',
      () => [talk.row(messageId), other.row(second)].every(row => row.status === 'failed'),
      30_000
    )
    await flow.door('graph', { failNext: null })
    await flow.settle(20_000)
    t.equal(talk.sent().length + other.sent().length, 0)
  })

  await t.test('an expired token pauses its number, says so, leaves the other alone, and resumes', async t => {
    const talk = await beginTalk(flow)
    const waiting = await beginTalk(flow)
    const neighbour = await onSecond('34611000802')
    await flow.door('graph', { token: 'expired' })
    const messageId = talk.reply('held up')
    await flow.until('the reason in the desk', () => talk.row(messageId).status === 'failed', 15_000)
    t.match(talk.row(messageId).contentAttributes.external_error, /access to WhatsApp has expired/)
    const calls = (): number =>
      flow.ledger({ side: 'graph', what: 'call', name: 'POST /messages' }).filter(call => call.status === 401).length
    const before = calls()
    const others = [waiting.reply('of the same number'), talk.reply('behind the one that is held up')]
    for (const other of others)
      await flow.until('each says why it waits', () => talk.row(other).contentAttributes.external_error, 5_000)
    t.same(
      others.map(other => talk.row(other).status),
      ['failed', 'failed']
    )
    t.match(talk.row(others[0]!).contentAttributes.external_error, /access to WhatsApp has expired/)
    // A click on Retry changes nothing, and the desk says so again.
    waiting.act('retry', { messageId: others[0] })
    t.equal(talk.row(others[0]!).status, 'sent')
    await flow.until('said again', () => talk.row(others[0]!).status === 'failed', 5_000)
    // More than are read with a lane; one of them is thought better of.
    const many = Array.from({ length: 12 }, (_, index) => waiting.reply(`more ${index}`))
    waiting.act('delete', { messageId: many[3] })
    for (const each of many)
      if (each !== many[3])
        await flow.until('each of many says why it waits', () => talk.row(each).status === 'failed', 10_000)
    const seen = sentBy(second.phoneNumberId).length
    neighbour.reply('of the other number')
    await flow.until('the other number', () => sentBy(second.phoneNumberId).length === seen + 1, 5_000)
    t.ok(calls() - before <= 1, 'no storm of refused calls')
    t.equal(waiting.sent().length, 0)
    const paused = await query(flow, 'select phone_number_id, paused_code from numbers order by id')
    t.same(
      paused.map(row => [row.phone_number_id, row.paused_code]),
      [
        [first.phoneNumberId, 'wa_token_invalid'],
        [second.phoneNumberId, null]
      ]
    )
    await flow.door('graph', { token: 'valid' })
    await flow.until('resumed', () => talk.sent().length === 2 && waiting.sent().length === 12, 30_000)
    t.same(textsOf(talk.sent()), ['held up', 'behind the one that is held up'])
    t.same(
      textsOf(waiting.sent()),
      ['of the same number', ...many.map((_, index) => `more ${index}`)].filter(text => text !== 'more 3')
    )
    for (const each of [messageId, ...others, ...many])
      if (each !== many[3]) await flow.until('no longer failed', () => talk.row(each).status === 'read', 30_000)
    await flow.settle(30_000)
    t.equal(talk.sent().length + waiting.sent().length, 14)
    await flow.until(
      'no longer paused',
      async () => (await query(flow, 'select 1 from numbers where paused_code is not null')).length === 0
    )
  })

  await t.test('an upload meets the expired token: the same, and nothing is lost', async t => {
    const talk = await beginTalk(flow)
    await flow.door('faults', [
      { on: 'call:graph', kind: 'status', status: 401, body: { code: 190 }, match: 'POST /media', count: 1 },
      { on: 'call:graph', kind: 'reset', match: 'POST /media', count: 1 }
    ])
    const messageId = talk.reply('with a file', {
      attachments: [{ name: 'a.txt', type: 'text/plain', bytes: Buffer.from('a file of its own') }]
    })
    await flow.until('the reason in the desk', () => talk.row(messageId).status === 'failed', 15_000)
    await flow.until('sent', () => talk.sent()[0], 25_000)
    await flow.until('read', () => talk.row(messageId).status === 'read', 15_000)
    t.equal(talk.sent().length, 1)
  })

  await t.test('a number with the same token is paused along, not only the one that found out', async t => {
    const { token } = served(first.phoneNumberId)
    await flow.runtime.bridge.numbers.saveNumber({ ...served(second.phoneNumberId), token } as never)
    await flow.runtime.refresh()
    const talk = await beginTalk(flow)
    const neighbour = await onSecond('34611000803')
    const seen = sentBy(second.phoneNumberId).length
    await flow.door('graph', { token: 'expired' })
    talk.reply('finds out')
    const paused = (): Promise<Loose[]> =>
      query(flow, 'select 1 from numbers where paused_code = $1', ['wa_token_invalid'])
    await flow.until('both are paused', async () => (await paused()).length === 2, 15_000)
    const refused = flow.ledger({ side: 'graph', what: 'call' }).filter(call => call.status === 401)
    t.ok(
      refused.every(call => !String(call.ids['path']).includes(second.phoneNumberId)),
      'the other did not have to ask'
    )
    await flow.door('graph', { token: 'valid' })
    neighbour.reply('goes on with it')
    await flow.until(
      'both go on',
      () => talk.sent().length === 1 && sentBy(second.phoneNumberId).length === seen + 1,
      30_000
    )
    await flow.until('neither is paused', async () => (await paused()).length === 0)
  })
})
