/** Several desks on one Puente, and tokens that are replaced while it runs. */
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { failed, openLab } from './connect-lab.ts'

t.test('two desks and two WhatsApp accounts on one Puente, each with its own talk', async t => {
  const one = await openLab(t, { seed: 20 })
  const two = await openLab(t, { seed: 21, beside: one })
  t.equal((await one.connect()).code, 0)
  t.equal((await two.connect()).code, 0)
  t.equal(one.runtime.bridge.registry.desks().length, 2)
  for (const lab of [one, two]) {
    await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: `Hola ${lab.sandbox.instance}` } as Loose)
    await lab.until('its own message in its own desk', () =>
      (lab.sandbox.desk.view() as Loose).conversations.some((talk: Loose) =>
        talk.messages.some((message: Loose) => message.content?.includes(lab.sandbox.instance))
      )
    )
  }
  // The same number in another desk has to be taken off the first one before.
  const moved = { ...two.file(), whatsapp: one.file().whatsapp }
  const ran = await one.connect(moved)
  t.equal(ran.code, 1)
  t.match(failed(ran, 'elsewhere.account'), { says: /already serves/, remedy: /puente disconnect/ })
})

t.test('a token is replaced by connecting again, without a restart; a revoked one paused nothing for good', async t => {
  const lab = await openLab(t, { seed: 22 })
  const { json } = await lab.connect()
  const first = json.tokenHint
  const { token } = lab.sandbox.desk.act({ act: 'resetToken' }) as { token: string }
  const fresh = `EAAfresh${'x'.repeat(40)}`
  lab.sandbox.graph.configure({ validToken: fresh } as Loose)
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: 'while the tokens are dead' } as Loose)
  const file = lab.file()
  file.chatwoot.token = token
  file.whatsapp.token = fresh
  const mark = lab.mark()
  const ran = await lab.connect(file)
  t.equal(ran.code, 0)
  t.not(ran.json.tokenHint, first)
  t.notOk(lab.changes(mark).some(call => /POST \/(inboxes|labels|dashboard_apps|subscribed_apps)/.test(call)))
  await lab.until(
    'what waited for the token',
    () =>
      (lab.sandbox.desk.view() as Loose).conversations.some((talk: Loose) =>
        talk.messages.some((message: Loose) => message.content === 'while the tokens are dead')
      ),
    20_000
  )
  t.same(await lab.query('select 1 from acceptances'), [{ '?column?': 1 }, { '?column?': 1 }], 'accepted each time')
})
