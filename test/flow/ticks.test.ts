/** What the desk shows of a message: grey, double, blue, failed; in any order of statuses, and at what cost. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, file, lastEntry, query, sampleFile, type Talk } from './talk.ts'

t.test('ticks', async t => {
  const flow = await startFlow(t, { statuses: 'manual', injected: { timeFactor: 0.5 } })
  const status = (wamid: string, name: string, more: Loose = {}): Promise<Loose> =>
    flow.door('status', { wamid, status: name, ...more })
  const patches = (mark: number): string[] =>
    flow
      .ledger({ side: 'desk', what: 'call', after: mark })
      .filter(entry => entry.name.startsWith('PATCH'))
      .map(entry => String((entry.body as Loose)?.status))
  const sendOne = async (talk: Talk, more: Loose = {}): Promise<{ messageId: number; wamid: string }> => {
    const before = talk.sent().length
    const messageId = talk.reply('an answer', more)
    await flow.until('sent', () => talk.sent().length > before, 15_000)
    await flow.settle()
    return { messageId, wamid: talk.sent()[before].wamid }
  }

  await t.test('S79: sent costs no call; delivered and read that come together cost one', async t => {
    const talk = await beginTalk(flow)
    const { messageId, wamid } = await sendOne(talk)
    const mark = lastEntry(flow)
    await status(wamid, 'sent')
    await flow.settle()
    await sleep(300)
    t.equal(talk.row(messageId).status, 'sent')
    t.same(patches(mark), [])
    await status(wamid, 'delivered')
    await status(wamid, 'read')
    await flow.until('blue', () => talk.row(messageId).status === 'read')
    await flow.settle()
    t.same(patches(mark), ['read'])
  })

  await t.test('S79: never backwards, whatever the order; played shows as read', async t => {
    const talk = await beginTalk(flow)
    const first = await sendOne(talk)
    const mark = lastEntry(flow)
    await status(first.wamid, 'read')
    await flow.until('blue', () => talk.row(first.messageId).status === 'read')
    await status(first.wamid, 'delivered')
    await status(first.wamid, 'sent')
    await status(first.wamid, 'failed', { code: 131026 })
    await flow.settle()
    t.equal(talk.row(first.messageId).status, 'read')
    t.same(patches(mark), ['read'])

    const voice = await sendOne(talk, { attachments: [sampleFile('mp3', 'a.mp3')], content: null })
    await status(voice.wamid, 'played')
    await flow.until('played shows as read', () => talk.row(voice.messageId).status === 'read')
  })

  await t.test('several parts: the lowest counts, one failure is enough', async t => {
    const talk = await beginTalk(flow)
    const messageId = talk.reply('two', {
      attachments: [sampleFile('jpeg', 'a.jpg'), file('b.txt', 'text/plain', Buffer.from('b'))]
    })
    await flow.until('both', () => talk.sent().length === 2, 15_000)
    await flow.settle()
    const [one, two] = talk.sent()
    const mark = lastEntry(flow)
    await status(one.wamid, 'read')
    await flow.settle()
    t.equal(talk.row(messageId).status, 'sent')
    t.same(patches(mark), [], 'nothing that the desk would show has grown')
    await status(two.wamid, 'delivered')
    await flow.until('delivered', () => talk.row(messageId).status === 'delivered')
    const other = talk.reply('two more', {
      attachments: [sampleFile('jpeg', 'a.jpg'), file('b.txt', 'text/plain', Buffer.from('b'))]
    })
    await flow.until('both again', () => talk.sent().length === 4, 15_000)
    await status(talk.sent()[2].wamid, 'read')
    await status(talk.sent()[3].wamid, 'failed', { code: 131053 })
    await flow.until('failed', () => talk.row(other).status === 'failed')
    t.match(talk.row(other).contentAttributes.external_error, /^WhatsApp refuses this file.*\(131053\)$/)
  })

  await t.test('a failure is one short sentence with the remedy first and the code last', async t => {
    const talk = await beginTalk(flow)
    for (const [code, sentence] of [
      [131026, /cannot be reached/],
      [131049, /marketing/],
      [131042, /payment/],
      [999_999, /refused/]
    ] as const) {
      const { messageId, wamid } = await sendOne(talk)
      await status(wamid, 'failed', { code })
      await flow.until(`failed ${code}`, () => talk.row(messageId).status === 'failed')
      const shown = talk.row(messageId).contentAttributes.external_error
      t.match(shown, sentence)
      t.ok(shown.endsWith(`(${code})`))
      t.ok(shown.length <= 120)
      const [receipt] = await query(flow, 'select failure from receipts where wamid = $1', [wamid])
      t.equal(receipt.failure.code, code, 'the whole story stays with us')
      await status(wamid, 'delivered')
      await flow.until('it arrived after all', () => talk.row(messageId).status === 'delivered')
    }
  })

  await t.test('the statuses of a send that was never answered are its answer', async t => {
    const talk = await beginTalk(flow)
    await flow.door('graph', { statuses: { mode: 'instant' } })
    await flow.door('faults', [
      { on: 'call:graph', kind: 'commit_after_timeout', match: 'POST /messages', count: 1, delayMs: 300 }
    ])
    const messageId = talk.reply('overtaken')
    await flow.until('blue', () => talk.row(messageId).status === 'read', 15_000)
    await flow.settle()
    t.equal(talk.sent().length, 1)
    await flow.door('graph', { statuses: { mode: 'manual' } })
  })

  await t.test('statuses by hand-made webhook: grouped, for unknown messages, in a group', async t => {
    const talk = await beginTalk(flow)
    const { messageId, wamid } = await sendOne(talk)
    const { graph } = flow.sandbox.config() as Loose
    const at = String(Math.floor(Date.now() / 1000))
    const entry = (id: string, name: string, more: Loose = {}): Loose => ({ id, status: name, timestamp: at, ...more })
    const body = {
      object: 'whatsapp_business_account',
      entry: [
        {
          id: graph.wabaId,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '1', phone_number_id: graph.phoneNumberId },
                statuses: [
                  entry(wamid, 'read', {
                    recipient_id: 'group-id',
                    recipient_type: 'group',
                    recipient_participant_id: talk.customer
                  }),
                  entry('wamid.of.somebody.else', 'read', { recipient_id: talk.customer }),
                  entry(wamid, 'delivered', { recipient_id: talk.customer })
                ]
              }
            }
          ]
        }
      ]
    }
    t.match(await flow.door('deliver', { to: 'whatsapp', body }), { status: 200 })
    await flow.until('blue', () => talk.row(messageId).status === 'read')
  })
})
