/** Once all is made, an agent's token may take the administrator's place: nothing in the desk is touched by that. */
import t from 'tap'
import { readStatus } from '../../plugin/status.ts'
import type { Loose } from '../support/puente.ts'
import { openLab } from './connect-lab.ts'

const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

t.test('the token of a member after that of an administrator', async t => {
  const lab = await openLab(t)
  const { desk } = lab.sandbox.config() as Loose
  const asMember = (): Loose => {
    const file = lab.file()
    file.chatwoot.token = desk.agentToken
    return file
  }
  const { bridge, database } = lab.runtime
  const stored = async () => {
    const { desks, numbers } = await bridge.numbers.list()
    return { desk: desks[0]!, number: numbers[0]! }
  }
  const off = async (): Promise<string[]> =>
    (await readStatus(database, bridge.numbers, new Date(), PLAIN)).numbers[0]!.off

  t.equal((await lab.connect(asMember())).code, 1, 'not before all is made')
  t.equal((await lab.connect()).code, 0)
  const before = await stored()
  t.match(before, { desk: { role: 'administrator', version: '4.16.2' }, number: { hookSecret: String } })
  t.same(await off(), [], 'known from the first moment')

  const mark = lab.mark()
  const ran = await lab.connect(asMember())
  t.equal(ran.code, 0, ran.text)
  t.match(
    ran.json.checks.find((check: Loose) => check.id === 'desk.administrator'),
    { state: 'warn', says: /Messages flow.*template picker/ }
  )
  t.same(
    lab.changes(mark).filter(name => !name.includes('messages') && !name.includes('conversations')),
    [],
    'nothing is made or changed'
  )
  const after = await stored()
  t.equal(after.desk.token, desk.agentToken)
  t.equal(after.desk.role, 'agent')
  t.equal(after.number.hookSecret, before.number.hookSecret, 'members are not shown it, and it is not lost')
  t.equal(after.number.inboxId, before.number.inboxId)
  t.match(await off(), [/that takes an administrator's token/])

  const held = lab.held()
  await t.rejects(
    lab.disconnect(lab.file().whatsapp.phoneNumberId),
    { code: 'config_invalid', facts: { problems: /an agent: run puente connect with an administrator's token/ } },
    'undoing takes an administrator'
  )
  t.same(lab.held(), held, 'which is said before anything is undone')

  t.equal((await lab.connect()).code, 0, 'and back')
  t.equal((await stored()).desk.role, 'administrator')

  const moved = asMember()
  lab.options.publicUrl = 'http://127.0.0.1:9'
  const refused = await lab.connect(moved)
  t.equal(refused.code === 0, false, 'hooks that have to be moved take an administrator')
})
