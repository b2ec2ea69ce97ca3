/** R11: `npm start` on embedded defaults in a fresh data directory, until it answers. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from './processes.ts'
import { type Bar, median, notRun } from './table.ts'

const RUNS = 3
const WHAT = 'npm start on embedded defaults until it answers, s'

export async function measureStart(): Promise<Bar[]> {
  if (!existsSync(path.join(root, 'dist', 'plugin', 'cli.js'))) {
    return [notRun('R11', WHAT, '≤ 5', 'there is no build: run npm run build')]
  }
  const seconds: number[] = []
  for (let run = 0; run < RUNS; run++) seconds.push(await startOnce())
  const measured = median(seconds)
  return [
    {
      id: 'R11',
      what: WHAT,
      bar: '≤ 5',
      measured: Math.round(measured * 100) / 100,
      limit: null,
      ratio: null,
      holds: measured <= 5,
      detail: `fresh data directory each time; ${seconds.map(value => value.toFixed(2)).join(' ')}`
    }
  ]
}

async function startOnce(): Promise<number> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'puente-bench-start-'))
  const startedMs = performance.now()
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    // npm gives signals on to a shell only: its group is ended as a whole.
    detached: true,
    env: { ...process.env, PUENTE_DATA_DIR: dataDir, PUENTE_PORT: '0', PUENTE_LOG_LEVEL: 'error' }
  })
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  try {
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('npm start says nothing for 60 s')), 60_000)
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const match = /^ready (\S+)$/m.exec(text)
        if (match === null) return
        clearTimeout(timer)
        resolve(match[1]!)
      })
      child.once('exit', code => {
        clearTimeout(timer)
        reject(new Error(`npm start ended with ${code}`))
      })
    })
    const answer = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(10_000) })
    if (answer.status !== 200) throw new Error(`/livez answers ${answer.status}`)
    return (performance.now() - startedMs) / 1000
  } finally {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await Promise.race([gone, new Promise(resolve => setTimeout(resolve, 20_000).unref())])
    await rm(dataDir, { recursive: true, force: true })
  }
}
