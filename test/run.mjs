// `npm test`: everything that CI runs, one step after the other, ending with the plain line `N passed, N failed`.
// A step is a check of its own (lint, types) or a run whose tests are counted one by one (tap, the fault run).
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const bin = name => path.join(root, 'node_modules', '.bin', name)
const only = process.argv.slice(2)
let passed = 0
let failed = 0

function run(command, args, { quiet = false, limitMinutes = 10, env = {} } = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env }
    })
    let output = ''
    const take = chunk => {
      output += chunk
      if (output.length > 20_000_000) output = output.slice(-10_000_000)
      if (!quiet) process.stdout.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMinutes * 60_000)
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code, output })
    })
  })
}

async function check(name, command, args, options) {
  if (only.length > 0 && !only.includes(name)) return
  const started = Date.now()
  const { code, output } = await run(command, args, { quiet: true, ...options })
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  if (code === 0) passed++
  else {
    failed++
    process.stdout.write(output.slice(-6_000))
  }
  console.log(`${code === 0 ? 'ok' : 'NOT OK'}  ${name} (${seconds} s)`)
}

/** The tests of one kind (what stands beside them is no test); counted by their assertions, as tap's own summary has it. */
async function tap(name, jobs, env = {}) {
  if (only.length > 0 && !only.includes(name)) return
  const started = Date.now()
  const folder = path.join(root, 'test', name)
  const files = readdirSync(folder).filter(file => file.endsWith('.test.ts'))
  const first = await runTap(name, files, jobs, env)
  let { good, bad, code } = first
  // Files that share two cores with others may run out of their patience: a few red ones are run once more, alone. What
  // fails there fails; what passes is said, with what it had printed.
  const red = first.redFiles
  if (code !== 0 && red.length > 0 && red.length <= 3) {
    console.log(`${name}: once more, alone: ${red.join(', ')}`)
    const second = await runTap(name, red, 1, env)
    if (second.code === 0 && second.good > 0) {
      good = Math.max(good, first.good + first.bad)
      bad = 0
      code = 0
    }
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  passed += good
  failed += bad > 0 ? bad : code === 0 ? 0 : 1
  console.log(`${code === 0 ? 'ok' : 'NOT OK'}  ${name}: ${good} passed, ${bad} failed (${seconds} s)`)
}

async function runTap(name, files, jobs, env) {
  const args = [
    '--disable-coverage',
    '--allow-incomplete-coverage',
    '--reporter=tap',
    `--jobs=${jobs}`,
    ...files.map(file => `test/${name}/${file}`)
  ]
  const { code, output } = await run(bin('tap'), args, { quiet: true, limitMinutes: 20, env })
  const total = /# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(output)
  const bad = total === null ? 1 : Number(total[3] ?? 0)
  const good = total === null ? 0 : Number(total[1]) - bad
  const redFiles = new Set()
  for (const [, file] of output.matchAll(/^not ok \d+ - test\/\w+\/(\S+\.test\.ts)/gm)) redFiles.add(file)
  if (code !== 0) {
    const lines = output.split('\n')
    const notOk = lines.flatMap((line, index) => (/^\s*not ok/.test(line) ? lines.slice(index, index + 25) : []))
    process.stdout.write(`${notOk.slice(0, 400).join('\n') || output.slice(-6_000)}\n`)
  }
  return { code, good, bad, redFiles: [...redFiles] }
}

async function faultRows(name, more) {
  const file = path.join(root, 'test/artefacts', name)
  mkdirSync(path.dirname(file), { recursive: true })
  rmSync(file, { force: true })
  const args = ['--import', 'tsx', 'test/fault/main.ts', '--quick', '--json', file, ...more]
  const { code, output } = await run(process.execPath, args, { quiet: true, limitMinutes: 12 })
  const rows = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : []
  return { code, output, rows }
}

async function fault() {
  if (only.length > 0 && !only.includes('fault')) return
  const started = Date.now()
  const first = await faultRows('fault-quick.json', [])
  const notRun = first.rows.filter(row => row.holds === null).length
  let bad = first.rows.filter(row => row.holds === false)
  let code = first.code
  if (code !== 0) process.stdout.write(first.output.slice(-8_000))
  // Whatever broke a law, leaked, crashed or was not even reached is final. A row of which every sentence says only that
  // something took too long is run once more, with times less short, and said so.
  const onlySlow = bad.every(row => row.because.length > 0 && row.because.every(each => each.startsWith('slow: ')))
  if (bad.length > 0 && bad.length <= 3 && onlySlow) {
    const ids = [...new Set(bad.map(row => row.id))]
    console.log(`fault: ${ids.join(', ')} did not hold, only for being too slow; once more:`)
    const second = await faultRows('fault-again.json', ['--factor', '0.1', '--only', `^(${ids.join('|')})\\b`])
    process.stdout.write(second.output.slice(-4_000))
    if (second.code === 0 && second.rows.length > 0) {
      bad = []
      code = 0
    }
  }
  const held = first.rows.length - bad.length - notRun
  passed += held
  failed += bad.length > 0 ? bad.length : code === 0 ? 0 : 1
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  console.log(
    `${code === 0 ? 'ok' : 'NOT OK'}  fault: ${held} rows hold, ${bad.length} do not${notRun === 0 ? '' : `, ${notRun} not run`} (${seconds} s)`
  )
}

async function checks() {
  await check('lint', bin('biome'), ['ci', '.'])
  await check('types', bin('tsc'), ['-p', 'tsconfig.json'])
  await check('page types', bin('vue-tsc'), ['--noEmit', '-p', 'adapters/sandbox/page/tsconfig.json'])
  await check('tab types', bin('vue-tsc'), ['--noEmit', '-p', 'ui-extension/tsconfig.json'])
}

/** With a real one every flow goes over Bull; else Bull's own tests do, on a stand-in that speaks its protocol. */
function hasRedis() {
  return (process.env.PATH ?? '').split(path.delimiter).some(folder => existsSync(path.join(folder, 'redis-server')))
}

// Puts tap together with the plugins of .taprc, before anything reads its types.
await run(bin('tap'), ['build'], { quiet: true, limitMinutes: 3 })
// None of these looks at a clock: they may share the cores.
await Promise.all([checks(), tap('unit', 2)])
// These mostly wait: four at a time keep two cores busy.
await tap('conformance', 4)
await tap('flow', 4, hasRedis() ? { PUENTE_TEST_JOBS: 'bull' } : {})
await tap('browser', 3)
await fault()

console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
