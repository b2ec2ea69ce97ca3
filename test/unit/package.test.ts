/**
 * What is published: a packed tarball, put into an empty project without a network, registers in an empty Fastify app.
 * Optional packages (embedded PostgreSQL, converters) are left out on purpose: a host that brings its own database must
 * not need them. Uses `dist` as it is when there is one.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { useDatabase } from '../support/postgres.ts'

const run = promisify(execFile)
const root = path.resolve(fileURLToPath(import.meta.url), '../../..')
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  version: string
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

const project = await mkdtemp(path.join(tmpdir(), 'puente-package-'))
t.teardown(() => rm(project, { recursive: true, force: true }))
const packed = await installInto(project)

t.test('the tarball holds what a host needs and nothing of the workshop', async t => {
  for (const wanted of ['dist/plugin/index.js', 'dist/plugin/cli.js', 'dist/sandbox-page/index.html', 'LICENSE']) {
    t.ok(packed.includes(wanted), wanted)
  }
  const strangers = packed.filter(file => /^(test|plugin|adapters|node_modules|\.)/.test(file))
  t.same(strangers, [])
  for (const name of Object.keys(manifest.optionalDependencies)) {
    t.notOk(existsSync(path.join(project, 'node_modules', name)), `${name} is not installed here`)
  }
})

t.test('it registers in an empty Fastify app under a prefix and leaves the host as it was', async t => {
  const database = await useDatabase(t)
  const script = `
    import Fastify from 'fastify'
    import puente, { PuenteError } from 'puente'
    const app = Fastify()
    app.setErrorHandler((error, request, reply) => reply.code(418).send({ host: error.message }))
    app.get('/', () => ({ host: 'here' }))
    app.get('/broken', () => { throw new Error('of the host') })
    app.post('/echo', request => request.body)
    const before = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT') + process.listenerCount('exit')
    await app.register(puente, {
      prefix: '/wa',
      databaseUrl: ${JSON.stringify(database.url)},
      masterKey: ${JSON.stringify(Buffer.alloc(32, 7).toString('base64'))},
      dataDir: 'data',
      injected: { allowUnsafeDatabase: true }
    })
    const ask = async (method, url, payload) => {
      const answer = await app.inject({ method, url, payload })
      return [answer.statusCode, answer.headers['content-type']?.split(';')[0], answer.payload]
    }
    const answers = {
      livez: await ask('GET', '/wa/livez'),
      readyz: await ask('GET', '/wa/readyz'),
      metrics: await ask('GET', '/wa/metrics'),
      elsewhere: await ask('GET', '/livez'),
      host: await ask('GET', '/'),
      broken: await ask('GET', '/broken'),
      echo: await ask('POST', '/echo', { a: 1 }),
      unsigned: await ask('POST', '/wa/webhooks/whatsapp', { a: 1 }),
      prefix: app.puente.prefix,
      handlers: process.listenerCount('SIGTERM') + process.listenerCount('SIGINT') + process.listenerCount('exit') - before,
      errorClass: typeof PuenteError
    }
    await app.close()
    console.log(JSON.stringify(answers))
  `
  writeFileSync(path.join(project, 'host.mjs'), script)
  // It ends by itself: nothing is left open after the app was closed.
  const { stdout } = await run(process.execPath, ['host.mjs'], { cwd: project, timeout: 60_000 })
  const answers = JSON.parse(stdout.trim().split('\n').at(-1)!)
  t.same(answers.livez, [200, 'application/json', '{"status":"alive"}'])
  t.same(answers.readyz, [200, 'application/json', '{"status":"ready","missing":[],"notes":[]}'])
  t.equal(answers.metrics[0], 200)
  t.match(answers.metrics[2], /puente_lanes_held/)
  t.equal(answers.elsewhere[0], 404, 'nothing lies outside the prefix')
  t.same(JSON.parse(answers.host[2]), { host: 'here' })
  t.same([answers.broken[0], JSON.parse(answers.broken[2])], [418, { host: 'of the host' }])
  t.same(JSON.parse(answers.echo[2]), { a: 1 }, 'the parser of the host still parses')
  t.same([answers.unsigned[0], answers.unsigned[1]], [401, 'application/problem+json'])
  t.equal(JSON.parse(answers.unsigned[2]).code, 'signature_invalid')
  t.equal(answers.prefix, '/wa')
  t.equal(answers.handlers, 0, 'no handler for signals or exit was added')
  t.equal(answers.errorClass, 'function')
})

t.test('a wrong option fails the registration with a sentence that names it', async t => {
  const script = `
    import Fastify from 'fastify'
    import puente from 'puente'
    const app = Fastify()
    try {
      await app.register(puente, { prefix: '/wa', databaseURL: 'postgres://db/x' })
    } catch (error) {
      console.log(JSON.stringify([error.code, error.facts.problems]))
    }
  `
  writeFileSync(path.join(project, 'wrong.mjs'), script)
  const { stdout } = await run(process.execPath, ['wrong.mjs'], { cwd: project, timeout: 30_000 })
  const [code, problems] = JSON.parse(stdout)
  t.equal(code, 'config_invalid')
  t.match(problems, /^databaseURL: there is no such option \(known: /)
})

t.test('the command runs from the package', async t => {
  const cli = path.join(project, 'node_modules', 'puente', 'dist', 'plugin', 'cli.js')
  const { stdout } = await run(process.execPath, [cli, '--version'], { cwd: project, timeout: 30_000 })
  t.equal(stdout.trim(), manifest.version)
})

t.test(
  'types of the plugin, and the example of the README, compile in the project; so do the types of Chatwoot',
  async t => {
    writeFileSync(path.join(project, 'readme.ts'), readmeExample())
    const desk = `
    import type { HookWire } from 'puente/chatwoot-types'
    export type Hook = HookWire
    // @ts-expect-error: a name that is not there must be an error, or nothing here proves anything.
    export type { NoSuchWire } from 'puente/chatwoot-types'
  `
    writeFileSync(path.join(project, 'desk.ts'), desk)
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      moduleResolution: 'nodenext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node']
    }
    writeFileSync(
      path.join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['desk.ts', 'readme.ts'] })
    )
    const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const complaints = await run(process.execPath, [tsc, '-p', '.'], { cwd: project, timeout: 90_000 }).then(
      () => '',
      error => `${error.stdout}${error.stderr}`
    )
    t.equal(complaints, '')
  }
)

function readmeExample(): string {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/```(?:ts|js)\n([\s\S]*?)```/g)].map(match => match[1]!)
  const example = blocks.find(block => block.includes('app.register(puente'))
  if (example === undefined) throw new Error('the README has no example of the plugin')
  return example
}

/** Packs, unpacks and links the dependencies that npm would have installed; answers the packed paths. */
async function installInto(folder: string): Promise<string[]> {
  if (!existsSync(path.join(root, 'dist/plugin/index.js'))) {
    await run('npm', ['run', 'build'], { cwd: root, timeout: 300_000 })
  }
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024
  })
  const [tarball] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  const modules = path.join(folder, 'node_modules')
  mkdirSync(path.join(modules, 'puente'), { recursive: true })
  await run('tar', ['-xzf', path.join(folder, tarball.filename), '-C', path.join(modules, 'puente'), '--strip=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true })
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'host', private: true, type: 'module' }))
  return tarball.files.map(file => file.path)
}
