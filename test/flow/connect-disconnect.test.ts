/** Disconnecting undoes what connecting made, on both sides, and keeps the history; connecting again goes on with it. */
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { type Lab, openLab } from './connect-lab.ts'

const view = (lab: Lab): Loose => lab.sandbox.desk.view()

t.test('everything is undone, the conversations stay, and a later connect goes on in the same inbox', async t => {
  const lab = await openLab(t)
  const { json } = await lab.connect()
  await lab.until('the note is gone', () => view(lab).conversations.length === 0)
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: 'Hola' } as Loose)
  const talk = await lab.until('the conversation', () => view(lab).conversations[0])
  const admin = { templates: ['of an admin'] }
  const inboxBefore = lab.held().inboxes[0]
  Object.assign(inboxBefore.additionalAttributes, { note: admin })

  // Puente runs meanwhile, and knows of it seconds later.
  const { registry } = lab.runtime.bridge
  const { numbers } = registry
  const stale = numbers()
  registry.numbers = () => stale
  const setUp = lab.held().inboxes[0].webhookUrl
  const leaving = lab.until('the inbox is released', () => lab.held().inboxes[0].webhookUrl !== setUp)
  const disconnecting = lab.disconnect(json.displayPhoneNumber)
  await leaving
  await lab.runtime.deskWatch.run()
  const ran = await disconnecting
  await lab.runtime.deskWatch.run()
  registry.numbers = numbers
  t.equal(ran.code, 0)
  t.same(ran.json.left, [])
  const held = lab.held()
  const [inbox] = held.inboxes
  t.equal(held.inboxes.length, 1, 'the inbox stays, since it holds a conversation')
  t.equal(inbox.webhookUrl, null)
  t.same(inbox.additionalAttributes, { note: admin }, 'our keys are gone, those of others stay')
  t.equal(inbox.avatarPath, undefined)
  t.equal(held.members[0]!.length, 4, 'agents still see the history')
  t.same([held.rules, held.folders, held.apps, held.attributes], [[], [], [], []])
  t.same(held.labels, ['whatsapp'], 'the label is part of the history of the conversation that carries it')
  t.same([held.override, held.subscribed, held.appCallback], [null, false, null])
  t.same(
    view(lab).conversations.map((one: Loose) => one.id),
    [talk.id],
    'history kept'
  )

  const [row] = await lab.query('select * from numbers')
  t.ok(row.disconnected_at)
  t.equal(row.token_hint, '', 'the tokens are forgotten')
  const [secret] = await lab.query('select token_hint from desks')
  t.equal(secret.token_hint, '')
  await lab.until('it is no longer served', () => lab.runtime.bridge.registry.numbers().length === 0)
  t.match(await lab.disconnect(json.phoneNumberId), { code: 0, json: { did: [], left: [] } }, 'once more does nothing')

  const again = await lab.connect()
  t.equal(again.code, 0)
  t.equal(again.json.inboxId, json.inboxId, 'the same inbox')
  t.match(lab.held().inboxes[0].additionalAttributes, { note: admin, agent_reply_time_window: 24 })
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: 'Otra vez' } as Loose)
  await lab.until('the same conversation goes on', () =>
    view(lab)
      .conversations.find((one: Loose) => one.id === talk.id)
      .messages.some((message: Loose) => message.content === 'Otra vez')
  )
})

t.test('a disconnect that was killed halfway: connecting again ends it, and so do ten minutes', async t => {
  const lab = await openLab(t, { seed: 18 })
  const { json } = await lab.connect()
  const { numbers, registry } = lab.runtime.bridge
  const { id } = registry.numbers()[0]!
  const killedAgo = async (minutes: number): Promise<boolean> => {
    const made = { leaving: new Date(Date.now() - minutes * 60_000).toISOString() }
    await lab.query('update numbers set made = made || $1', [JSON.stringify(made)])
    return numbers.isStaying(id)
  }
  t.equal(await killedAgo(11), true)
  t.equal(await killedAgo(1), false)
  // Killed when all was done but the last note: it is connected again in the place where it was.
  await lab.query('update numbers set disconnected_at = now()')
  t.equal((await lab.connect()).code, 0)
  t.equal(await numbers.isStaying(id), true)
  t.equal((await lab.disconnect(json.phoneNumberId)).code, 0)
  t.equal(await numbers.isStaying(id), false)
})

t.test('S13: several numbers share app, attributes and label; the last one to go takes them away', async t => {
  const lab = await openLab(t, { seed: 17, numbers: 2 })
  t.equal((await lab.connect(lab.file(0))).code, 0)
  const mark = lab.mark()
  t.equal((await lab.connect(lab.file(1))).code, 0)
  const made = lab.changes(mark)
  t.notOk(
    made.some(call => /dashboard_apps|labels|definitions|subscribed_apps|subscriptions/.test(call)),
    'made once'
  )
  let held = lab.held()
  t.same([held.inboxes.length, held.rules.length, held.folders.length, held.apps.length], [2, 2, 2, 1])
  t.not(held.folders[0].name, held.folders[1].name)

  await lab.disconnect(lab.file(0).whatsapp.phoneNumberId)
  held = lab.held()
  t.same([held.rules.length, held.folders.length, held.apps.length, held.attributes.length], [1, 1, 1, 8])
  t.equal(held.subscribed, true, 'the other number still needs its webhooks')
  t.ok(held.appCallback)
  await lab.until('only one is served', () => lab.runtime.bridge.registry.numbers().length === 1)
  await lab.disconnect(lab.file(1).whatsapp.phoneNumberId)
  held = lab.held()
  t.same([held.inboxes, held.rules, held.folders, held.apps, held.attributes, held.labels], [[], [], [], [], [], []])
  t.same([held.subscribed, held.appCallback], [false, null])
})

t.test('a desk that does not answer: nothing is forgotten, unless it is forced, which says what is left', async t => {
  const lab = await openLab(t, { seed: 18 })
  const { json } = await lab.connect()
  lab.sandbox.faults.set([{ on: 'call:desk', kind: 'status', status: 503, match: 'automation_rules' }])
  await t.rejects(lab.disconnect(json.phoneNumberId), { code: 'desk_unavailable' })
  t.equal(lab.runtime.bridge.registry.numbers().length, 1, 'still served')
  const forced = await lab.disconnect(json.phoneNumberId, { yes: true, json: true, force: true })
  t.equal(forced.code, 1)
  t.match(forced.json.left, [/delete the automation rule/])
  lab.sandbox.faults.set([])
  t.same(await lab.query('select 1 from numbers where disconnected_at is null'), [])
})

t.test('an unknown number, and no --yes', async t => {
  const lab = await openLab(t, { seed: 19 })
  await t.rejects(lab.disconnect('+1 555'), { code: 'config_invalid', facts: { problems: /no number \+1 555/ } })
  await t.rejects(lab.disconnect('1', {}), { code: 'config_invalid' })
})
