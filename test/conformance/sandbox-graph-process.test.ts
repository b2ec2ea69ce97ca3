import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readSandboxArguments } from '../../adapters/sandbox/process.ts'

const entry = fileURLToPath(new URL('../../adapters/sandbox/process.ts', import.meta.url))

function start(args: string[]) {
  const child = fork(entry, args, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let out = ''
  const line = new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', chunk => {
      out += chunk
      if (out.includes('\n')) resolve(out)
    })
    child.once('exit', code => reject(new Error(`ended with ${code} before it was ready`)))
  })
  return { child, line }
}

t.test(
  'the process prints one line, tells its parent to stop Puente, keeps its state over SIGTERM and SIGKILL',
  async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'puente-sandbox-process-'))
    t.teardown(() => rmSync(dataDir, { recursive: true }))
    const args = ['--graph-port', '0', '--desk-port', '0', '--seed', '3', '--data-dir', dataDir]
    const instances: string[] = []
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { child, line } = start(args)
      t.teardown(() => child.kill('SIGKILL'))
      const text = await line
      t.match(text, /^sandbox http:\/\/127\.0\.0\.1:\d+ graph http:\/\/127\.0\.0\.1:\d+\n$/)
      const desk = /sandbox (\S+)/.exec(text)![1]!
      const post = (path: string, body: unknown) => fetch(desk + path, { method: 'POST', body: JSON.stringify(body) })
      instances.push(((await (await fetch(`${desk}/__config`)).json()) as { instance: string }).instance)
      const told = once(child, 'message')
      t.equal((await post('/__stop', {})).status, 200)
      t.same((await told)[0], { stop: 'puente' })
      child.send({ puente: { state: 'down', detail: 'stopped by hand' } })
      let state = ''
      for (let i = 0; i < 100 && state !== 'down'; i++) {
        state = ((await (await fetch(`${desk}/__puente`)).json()) as { state: string }).state
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      t.equal(state, 'down')
      const ended = once(child, 'exit')
      child.kill(signal)
      const [code, by] = await ended
      t.same([code, by], signal === 'SIGTERM' ? [0, null] : [null, 'SIGKILL'])
    }
    t.equal(instances[0], instances[1], 'the same number after a kill')
  }
)

t.test('arguments are checked', async t => {
  t.same(readSandboxArguments([]), { graphPort: 0, deskPort: 0 })
  t.same(readSandboxArguments(['--graph-port', '9', '--seed', '4']), { graphPort: 9, deskPort: 0, seed: 4 })
  t.throws(() => readSandboxArguments(['--graph-port', 'x']), /--graph-port/)
  t.throws(() => readSandboxArguments(['--nonsense']))
})
