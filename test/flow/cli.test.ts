/** The commands as they are typed: each a process of its own, with nothing but the environment and its words. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { listOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { type Lab, openLab } from './connect-lab.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Typed {
  code: number | null
  out: string
  complaints: string
}

async function type(lab: Lab, ...words: string[]): Promise<Typed> {
  const given = lab.options as unknown as Record<string, unknown>
  const env: Record<string, string | undefined> = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  for (const name of ['databaseUrl', 'masterKey', 'dataDir', 'publicUrl', 'graphUrl'])
    env[listOptions().find(option => option.name === name)!.env] = String(given[name])
  const child = spawn(process.execPath, ['--import', 'tsx', 'plugin/cli.ts', ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env
  })
  const typed: Typed = { code: null, out: '', complaints: '' }
  child.stdout.on('data', chunk => (typed.out += chunk))
  child.stderr.on('data', chunk => (typed.complaints += chunk))
  typed.code = await new Promise(resolve => child.once('close', resolve))
  return typed
}

t.test('from the file to the first message, and back', async t => {
  const lab = await openLab(t)
  const phoneNumberId = (lab.file()['whatsapp'] as Loose).phoneNumberId as string
  const numbers = async (): Promise<Loose[]> => JSON.parse((await type(lab, 'status', '--json')).out).numbers

  t.same(await numbers(), [])
  const missing = await type(lab, 'connect', '--file', 'there-is-none.json', '--yes')
  t.not(missing.code, 0)
  t.match(missing.out + missing.complaints, /there-is-none\.json/, 'says which file')
  t.notMatch(missing.complaints, /\n\s+at /, 'no stack')
  const file = await lab.writeFile()
  const unasked = await type(lab, 'connect', '--file', file)
  t.not(unasked.code, 0)
  t.match(unasked.out + unasked.complaints, /--yes/, 'nobody sits there to accept the terms')
  t.same(await numbers(), [], 'and nothing was connected')

  const connected = await type(lab, 'connect', '--file', file, '--yes')
  t.equal(connected.code, 0, connected.out + connected.complaints)
  t.match(await numbers(), [{ phoneNumberId, state: 'working', proven: false }])
  await lab.sandbox.graph.say({ customer: '+34611000101', type: 'text', text: 'the first' } as never)
  await lab.until('in the desk', () =>
    (lab.sandbox.desk.view() as Loose).conversations.some((each: Loose) =>
      each.messages.some((row: Loose) => row.content === 'the first')
    )
  )
  const healthy = await type(lab, 'doctor', '--json')
  t.type(JSON.parse(healthy.out), 'object')
  const replayed = await type(lab, 'replay', '--cause', 'media_gone', '--dry-run', '--json')
  t.equal(replayed.code, 0, replayed.complaints)
  t.ok(JSON.parse(replayed.out))
  t.equal((await type(lab, 'disconnect', phoneNumberId)).code === 0, false, 'nor is anything undone unasked')

  const gone = await type(lab, 'disconnect', phoneNumberId, '--yes')
  t.equal(gone.code, 0, gone.out + gone.complaints)
  t.same(await numbers(), [])
  t.match(await type(lab, 'no-such-command'), { code: 2, complaints: /unknown command/ })
})
