/** Desks of other versions: what they lack is worked around, and everything still arrives once. */
import t from 'tap'
import { isAtLeast, parseVersion, rulesOfDesk } from '../../plugin/core/desk/versions.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, textsOf } from './talk.ts'

t.test('rules by version', async t => {
  t.same(parseVersion('v4.17.0-rc1'), [4, 17, 0])
  t.same(parseVersion('4.13'), [4, 13, 0])
  t.equal(parseVersion('develop'), null)
  t.equal(isAtLeast('4.9.0', [4, 13, 0]), false)
  t.equal(isAtLeast('5.0.0', [4, 13, 0]), true)
  t.match(rulesOfDesk('4.12.9'), { signsHooks: false, takesStatus: true, mergesAttributes: false })
  t.match(rulesOfDesk('4.13.0'), { signsHooks: true, refusesPrivateHooks: false })
  t.match(rulesOfDesk('4.16.2'), { mergesAttributes: false, refusesPrivateHooks: true })
  t.match(rulesOfDesk('4.18.0'), { mergesAttributes: true, retryKeepsAttributes: true })
  t.match(rulesOfDesk('4.1.0'), { takesStatus: false })
  t.same(rulesOfDesk(null), rulesOfDesk('4.13.0'), 'an unknown version is taken for the oldest supported one')
})

for (const version of ['4.13.0', '4.14.0', '4.17.0', '4.18.0']) {
  t.test(`a talk with Chatwoot ${version}`, async t => {
    const flow = await startFlow(t, { injected: { timeFactor: 0.05 } })
    await flow.door('desk', { version })
    // Asked once an hour otherwise, and perhaps just before.
    flow.runtime.bridge.registry.desks()[0]!.role = null
    await flow.runtime.deskWatch.run()
    t.equal(flow.runtime.bridge.registry.desks()[0]!.version, version)
    const talk = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 131026, as: 'status', customer: talk.customer } })
    const quoted = talk.reply('quotes the question', { inReplyTo: talk.question.id })
    await flow.until('failed', () => talk.row(quoted).status === 'failed')
    await flow.settle()
    talk.act('retry', { messageId: quoted })
    await flow.until('sent again', () => talk.sent().length === 2)
    t.ok(
      talk.sent().every((message: Loose) => message.context?.message_id !== undefined),
      'the quote outlives the Retry'
    )
    await flow.until('ticked', () => talk.row(quoted).status === 'read')
    talk.act('resolve')
    await talk.say('more')
    await flow.until('written', () => flow.messages().some(row => row.content === 'more'))
    await flow.settle()
    t.same(textsOf(talk.sent()), ['quotes the question', 'quotes the question'])
    t.match(await flow.runtime.reconcile.run(true), { found: 0 })
  })
}
