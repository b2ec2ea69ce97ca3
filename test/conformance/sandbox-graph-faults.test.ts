import t from 'tap'
import { openRig } from './sandbox-graph-rig.ts'

const TO = '+34611000101'

t.test('a fault for messages lets read marks and typing signs pass', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const { wamid } = await rig.say({ text: 'x' })
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'status', match: 'POST /messages send', status: 503 }])
  const mark = { messaging_product: 'whatsapp', status: 'read', message_id: wamid }
  t.equal((await rig.send(mark)).status, 200)
  t.equal((await rig.send({ ...mark, typing_indicator: { type: 'text' } })).status, 200)
  t.equal((await rig.send(rig.text(TO))).status, 503)
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'status', match: 'POST /messages typing', status: 503 }])
  t.equal((await rig.send(mark)).status, 200)
  t.equal((await rig.send({ ...mark, typing_indicator: { type: 'text' } })).status, 503)
  t.equal((await rig.send(rig.text(TO))).status, 200)
})

t.test('calls: reset acts not, time-out after accept acts, late commit acts later', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  const sent = () => rig.sandbox.ledger.list({ what: 'effect', name: 'sent' }).length
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'reset', match: 'POST /PHONE/messages', count: 1 }])
  await t.rejects(rig.send(rig.text(TO)))
  t.equal(sent(), 0)
  rig.sandbox.faults.set([
    { on: 'call:graph', kind: 'timeout_after_accept', match: 'POST /messages', count: 1, delayMs: 0 }
  ])
  await t.rejects(rig.send(rig.text(TO)))
  t.equal(sent(), 1)
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'commit_after_timeout', count: 1, delayMs: 100 }])
  await t.rejects(rig.send(rig.text(TO)))
  await rig.receiver.until(() => sent() === 2, 'the late commit')
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'garbage', count: 1 }])
  await t.rejects(rig.send(rig.text(TO)), SyntaxError)
  t.equal(sent(), 3)
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'cut_body', count: 1 }])
  await t.rejects(rig.send(rig.text(TO)))
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'slow_body', count: 1, delayMs: 60 }])
  t.equal((await rig.send(rig.text(TO))).status, 200)
  t.equal(sent(), 5)
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'delay', count: 1, delayMs: 80 }])
  const startedAt = Date.now()
  t.equal((await rig.send(rig.text(TO))).status, 200)
  t.ok(Date.now() - startedAt >= 75)
  rig.sandbox.faults.set([
    {
      on: 'call:graph',
      kind: 'status',
      count: 1,
      status: 429,
      headers: { 'retry-after': '3' },
      body: { code: 130429 }
    },
    { on: 'call:graph', kind: 'status', count: 1, body: { code: 131026 } },
    { on: 'call:graph', kind: 'status', count: 1, status: 503 }
  ])
  const refused = [await rig.send(rig.text(TO)), await rig.send(rig.text(TO)), await rig.send(rig.text(TO))]
  t.same(
    refused.map(one => [one.status, one.json.error.code]),
    [
      [429, 130429],
      [400, 131026],
      [503, 2]
    ]
  )
  t.equal(refused[0]!.headers.get('retry-after'), '3')
  t.equal((await rig.send(rig.text(TO))).status, 200, 'used up')
  t.same(
    rig.sandbox.ledger.list({ what: 'call', name: 'POST /messages' }).map(one => one.fault),
    [
      'reset',
      'timeout_after_accept',
      'commit_after_timeout',
      'garbage',
      'cut_body',
      'slow_body',
      'delay',
      'status',
      'status',
      'status',
      undefined
    ]
  )
})

t.test('webhooks: twice, lost, late, overtaken, cut, unanswered, broken', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.graph.configure({ retry: { baseMs: 10 } })
  const texts = () =>
    rig.receiver.received.map(one => one.body?.entry[0].changes[0].value.messages[0].text.body ?? 'broken')
  const once = (
    kind: 'duplicate' | 'drop' | 'delay' | 'reorder' | 'reset' | 'timeout_after_accept' | 'garbage' | 'status',
    delayMs?: number
  ) =>
    rig.sandbox.faults.set([
      { on: 'hook:graph', kind, match: 'message', count: 1, ...(delayMs === undefined ? {} : { delayMs }) }
    ])
  once('duplicate')
  await rig.say({ text: 'a' })
  t.same(texts(), ['a', 'a'])
  once('drop')
  await rig.say({ text: 'b' })
  await rig.say({ text: 'c' })
  t.same(texts().slice(2), ['c'])
  once('reorder', 3000)
  const late = rig.say({ text: 'd' })
  await new Promise(resolve => setTimeout(resolve, 30))
  await rig.say({ text: 'e' })
  await late
  t.same(texts().slice(3), ['e', 'd'])
  once('reset')
  t.same((await rig.say({ text: 'f' })).deliveries, [{ status: 0 }])
  await rig.receiver.until(() => texts().includes('f'), 'the repeat after a reset')
  once('timeout_after_accept')
  await rig.say({ text: 'g' })
  await rig.receiver.until(() => texts().filter(one => one === 'g').length === 2, 'the repeat after a time-out')
  once('garbage')
  await rig.say({ text: 'h' })
  t.same(texts().slice(-2), ['broken', 'h'])
  once('status')
  await rig.say({ text: 'i' })
  await rig.receiver.until(() => texts().filter(one => one === 'i').length === 2, 'the repeat after a lost answer')
})

t.test('faults by chance are the same under the same seed', async t => {
  const runs: string[] = []
  for (let i = 0; i < 2; i++) {
    const rig = await openRig({ seed: 42 })
    rig.sandbox.faults.set([{ on: 'call:graph', kind: 'status', probability: 0.5, status: 500 }])
    const { phoneNumberId } = rig.whatsapp()
    let run = ''
    for (let n = 0; n < 24; n++) run += (await rig.call('GET', `/${phoneNumberId}`)).status === 500 ? 'x' : '.'
    runs.push(run)
    await rig.close()
  }
  t.equal(runs[0], runs[1])
  t.match(runs[0], /x/)
  t.match(runs[0], /\./)
})

t.test('pending webhooks outlive a stopped Puente', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.graph.configure({ retry: { baseMs: 10, capMs: 20 } })
  rig.receiver.state.status = 500
  for (let i = 0; i < 20; i++) await rig.say({ customer: `+4477009003${10 + i}`, text: String(i) })
  rig.receiver.state.status = 200
  const accepted = new Set<string>()
  const before = rig.receiver.received.length
  await rig.receiver.until(() => {
    for (const one of rig.receiver.received.slice(before))
      accepted.add(one.body.entry[0].changes[0].value.messages[0].id)
    return accepted.size === 20
  }, 'all twenty')
  t.equal(accepted.size, 20)
})
