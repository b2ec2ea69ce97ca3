/** A configuration mistake stops the start with one clear screen and exit code 2. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../..', import.meta.url))

for (const command of ['start', 'serve']) {
  t.test(`${command} with a port that is none`, async t => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'plugin/cli.ts', command], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PUENTE_PORT: 'eighty' }
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said += chunk))
    const code = await new Promise(resolve => child.once('close', resolve))
    t.equal(code, 2, said)
    t.match(said, /Puente cannot go on/)
    t.match(said, /PUENTE_PORT/, 'which setting')
    t.match(said, /eighty/, 'what it got')
    t.notMatch(said, /\n\s+at /, 'no stack')
  })
}
