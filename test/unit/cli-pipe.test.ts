/** A reader that has seen enough (`puente --help | head -1`) ends the command quietly. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

t.test('what is piped into a reader that closes ends without a stack', async t => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'plugin/cli.ts', '--help'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  // Closed before the first byte: every write fails.
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const [code] = await once(child, 'close')
  t.equal(code, 0)
  t.equal(said, '')
})
