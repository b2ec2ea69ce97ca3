/** The questions of `puente connect`, answered as a person would, through a pseudo-terminal. */
import { PassThrough } from 'node:stream'
import t from 'tap'
import { runConnect } from '../../plugin/connect/run.ts'
import { runDisconnect } from '../../plugin/connect/run-disconnect.ts'
import type { Loose } from '../support/puente.ts'
import { type Lab, openLab } from './connect-lab.ts'

const ENTER = '\r'
const ESCAPE = '\u001b'

interface Person {
  /** All that was shown, without the codes that move the cursor. */
  seen(): string
  /** Waits until the terminal shows it (anew), then types. */
  answer(question: RegExp, keys: string): Promise<void>
  io: { input: PassThrough; output: PassThrough; interactive: true; env: NodeJS.ProcessEnv }
}

function sitDown(lab: Lab): Person {
  const input = new PassThrough()
  const output = new PassThrough()
  let shown = ''
  let from = 0
  output.on('data', chunk => {
    shown += String(chunk).replace(/\u001b\[[\d;?]*[A-Za-z]/g, '')
  })
  return {
    seen: () => shown,
    async answer(question, keys) {
      const place = await lab.until(`${question} in:\n${shown.slice(-400)}`, () => {
        const match = question.exec(shown.slice(from))
        return match === null ? null : { end: from + match.index + match[0].length }
      })
      from = place.end
      // Keys one by one: a pasted line would arrive as one key.
      for (const key of keys === '' || keys.startsWith(ESCAPE) ? [keys] : keys) input.write(key)
      if (!keys.startsWith(ESCAPE)) input.write(ENTER)
    },
    io: { input, output, interactive: true, env: {} }
  }
}

t.test('every answer is tried at once; what the tokens can see is offered; nothing happens before the yes', async t => {
  const lab = await openLab(t, { numbers: 2 })
  const { graph, desk } = lab.sandbox.config() as Loose
  const person = sitDown(lab)
  const ran = runConnect(lab.options, {}, person.io)
  await person.answer(/Address of your Chatwoot/, 'desk.example.com')
  // The wrong address stands in the field: it is wiped before the right one is typed.
  await person.answer(/begins with https/, `${'\u007f'.repeat(20)}${lab.sandbox.deskUrl}`)
  await person.answer(/Access token of an administrator/, desk.agentToken)
  await person.answer(/Bea Agent is an agent[\s\S]*Access token/, desk.adminToken)
  await person.answer(/App ID/, graph.appId)
  await person.answer(/App secret/, 'wrong')
  await person.answer(/Token of a system user/, graph.token)
  await person.answer(/does not accept this app[\s\S]*App ID/, graph.appId)
  await person.answer(/App secret/, graph.appSecret)
  await person.answer(/Token of a system user/, graph.token)
  const mark = lab.mark()
  await person.answer(/Which number\?[\s\S]*Sandbox Shop 2/, '')
  await person.answer(/Accept and connect\?/, 'y')
  t.match(person.seen(), /no longer shows them/, 'S15: what changes')
  t.match(person.seen(), /business-solution-terms/, 'S22: the terms')
  t.match(person.seen(), /To Meta goes what agents send/, 'S20: the data')
  t.same(lab.changes(mark), [], 'nothing was changed before the yes')
  t.notMatch(person.seen(), new RegExp(`${graph.token}|${graph.appSecret}|${desk.adminToken}`), 'secrets are not shown')
  const code = await lab.until('the code', () => /Puente \d{4}/.exec(person.seen())?.[0], 20_000)
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: code } as Loose)
  t.equal(await ran, 0)
  t.match(person.seen(), /both directions proven/)
  const [accepted] = await lab.query('select how from acceptances')
  t.equal(accepted.how, 'asked')

  const later = sitDown(lab)
  const undone = runDisconnect(lab.options, graph.numbers[0].displayPhoneNumber, {}, later.io)
  await later.answer(/Disconnect\?/, 'n')
  t.equal(await undone, 1)
  t.match(later.seen(), /Nothing was changed/)
})

t.test('who says no, or leaves, has changed nothing', async t => {
  const lab = await openLab(t, { seed: 31 })
  const before = lab.held()
  const leaving = sitDown(lab)
  const left = runConnect(lab.options, {}, leaving.io)
  await leaving.answer(/Address of your Chatwoot/, ESCAPE)
  t.equal(await left, 1)
  t.match(leaving.seen(), /Nothing was changed/)

  const refusing = sitDown(lab)
  const refused = runConnect(lab.options, { file: await lab.writeFile() }, refusing.io)
  await refusing.answer(/Accept and connect\?/, '')
  t.equal(await refused, 1, 'Enter alone declines')
  t.match(refusing.seen(), /Nothing was changed/)
  t.same(lab.held(), before)
  t.same(await lab.query('select 1 from acceptances'), [])
})

t.test('what the admin decided in a file stays when the number is connected again by questions', async t => {
  const lab = await openLab(t, { seed: 32 })
  const { graph, desk } = lab.sandbox.config() as Loose
  const file = { ...lab.file(), policy: { readMarks: false }, locale: 'pt_BR' }
  t.equal((await lab.connect(file)).code, 0)
  const person = sitDown(lab)
  const ran = runConnect(lab.options, { wait: 0 }, person.io)
  await person.answer(/Address of your Chatwoot/, lab.sandbox.deskUrl)
  await person.answer(/Access token of an administrator/, desk.adminToken)
  await person.answer(/App ID/, graph.appId)
  await person.answer(/App secret/, graph.appSecret)
  await person.answer(/Token of a system user/, graph.token)
  await person.answer(/Which number\?/, '')
  await person.answer(/Accept and connect\?/, 'y')
  t.equal(await ran, 0, person.seen().slice(-600))
  const [row] = await lab.query('select policy, locale from numbers')
  t.match(row, { policy: { readMarks: false }, locale: 'pt-BR' })
})
