/**
 * Who may import whom (docs/decisions/0012-who-composes.md). Reads every import line of the product and fails on any
 * arrow that the table below does not draw. Leaves out the tests themselves, which may import everything.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const root = path.resolve(fileURLToPath(import.meta.url), '../../..')

interface Import {
  file: string
  /** A path inside the project, or the name of a package. */
  target: string
  isPackage: boolean
  /** Gone at run time. */
  typeOnly: boolean
}

/** What each group may import beside itself: other groups, and packages. `node` stands for Node's own modules. */
const ALLOWED: Record<string, { groups: string[]; packages: string[] }> = {
  core: { groups: [], packages: ['zod'] },
  http: { groups: ['core'], packages: ['fastify', 'fastify-type-provider-zod', '@fastify/swagger', 'zod', 'node'] },
  options: { groups: ['core'], packages: ['zod'] },
  metrics: { groups: [], packages: ['prom-client'] },
  runtime: {
    groups: [
      'core',
      'http',
      'looking',
      'options',
      'metrics',
      'migrations',
      'adapters/chatwoot',
      'adapters/http',
      'adapters/jobs',
      'adapters/media',
      'adapters/postgres',
      'adapters/vault',
      'adapters/whatsapp-cloud'
    ],
    packages: ['node']
  },
  index: {
    groups: ['core', 'http', 'options', 'runtime', 'adapters/chatwoot', 'adapters/whatsapp-cloud'],
    packages: ['fastify', 'fastify-plugin']
  },
  /** The status and the doctor, which the commands print and the admin pages show. */
  looking: {
    groups: [
      'core',
      'options',
      'adapters/chatwoot',
      'adapters/http',
      'adapters/jobs',
      'adapters/postgres',
      'adapters/whatsapp-cloud'
    ],
    packages: ['node', 'zod']
  },
  commands: {
    groups: [
      'core',
      'looking',
      'http',
      'index',
      'options',
      'runtime',
      'migrations',
      'adapters/chatwoot',
      'adapters/http',
      'adapters/jobs',
      'adapters/postgres',
      'adapters/sandbox',
      'adapters/vault',
      'adapters/whatsapp-cloud'
    ],
    packages: ['@clack/prompts', 'commander', 'fastify', 'zod', 'node']
  },
  migrations: { groups: [], packages: ['knex'] },
  'adapters/chatwoot': { groups: ['core', 'adapters/http'], packages: ['node'] },
  'adapters/whatsapp-cloud': { groups: ['core', 'adapters/http'], packages: ['node'] },
  'adapters/http': { groups: ['core'], packages: ['undici', 'node'] },
  'adapters/jobs': { groups: ['core'], packages: ['bull', 'ioredis', 'node'] },
  'adapters/media': { groups: ['core'], packages: ['file-type', 'sharp', 'node'] },
  'adapters/postgres': { groups: ['core'], packages: ['knex', 'pg', 'node'] },
  'adapters/vault': { groups: ['core'], packages: ['node'] },
  'adapters/sandbox': { groups: [], packages: ['undici', 'node'] },
  page: { groups: ['adapters/sandbox'], packages: ['vue', 'markdown-it', 'vite', '@vitejs/plugin-vue', 'node'] }
}

const files = ['plugin', 'adapters', 'migrations'].flatMap(folder => listFiles(folder))
/** Per file, what it uses of `process`; filled while the imports are read. */
const uses = new Map<string, Set<string>>()
const imports = files.flatMap(readImports)
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>

t.test('every arrow between the parts of the house is one that the plan draws', async t => {
  t.ok(files.length > 100 && imports.length > 300, 'the files were read')
  const wrong = imports.flatMap(each => {
    const from = groupOf(each.file)
    const allowed = ALLOWED[from]
    if (allowed === undefined) return [`${each.file}: belongs to no group`]
    const fine = each.isPackage
      ? allowed.packages.includes(packageOf(each.target))
      : groupOf(each.target) === from || allowed.groups.includes(groupOf(each.target))
    return fine ? [] : [`${each.file} imports ${each.target}`]
  })
  t.same(wrong, [])
})

t.test('an arrow that nobody drew is found', async t => {
  const forbidden: [string, string][] = [
    ['plugin/core/window.ts', 'adapters/postgres/lanes.ts'],
    ['plugin/core/window.ts', 'plugin/http/problem.ts'],
    ['plugin/http/health.ts', 'plugin/runtime.ts'],
    ['adapters/chatwoot/client.ts', 'adapters/whatsapp-cloud/client.ts'],
    ['adapters/sandbox/sandbox.ts', 'plugin/core/model.ts'],
    ['plugin/runtime.ts', 'adapters/sandbox/sandbox.ts'],
    ['migrations/001-bridge.ts', 'plugin/core/rules.ts']
  ]
  for (const [from, to] of forbidden) {
    const groups = ALLOWED[groupOf(from)]!.groups
    t.notOk(groupOf(to) === groupOf(from) || groups.includes(groupOf(to)), `${from} may not import ${to}`)
  }
})

t.test('migrations and the page take only types from what they do not own', async t => {
  const values = imports.filter(each => {
    const from = groupOf(each.file)
    const foreign = each.isPackage ? each.target === 'knex' : groupOf(each.target) !== from
    return (from === 'migrations' || from === 'page') && foreign && !each.typeOnly
  })
  t.same(values, [])
})

t.test('what runs is a declared dependency; optional packages are only loaded on use', async t => {
  const wrong = imports.flatMap(each => {
    const name = each.isPackage ? packageOf(each.target) : 'node'
    if (name === 'node' || groupOf(each.file) === 'page') return []
    if (each.typeOnly) {
      const known = ['dependencies', 'optionalDependencies', 'devDependencies'].some(kind => name in manifest[kind]!)
      return known ? [] : [`${each.file}: types of ${name}, which is not declared`]
    }
    return name in manifest['dependencies']! ? [] : [`${each.file}: ${name} is no dependency`]
  })
  t.same(wrong, [])
})

t.test('only the CLI reads the environment; the parent of `start` hands it on', async t => {
  const readers = files.filter(file => uses.get(file)!.has('env'))
  t.same(readers.sort(), ['plugin/cli.ts', 'plugin/start.ts'])
  const handedOn = source('plugin/start.ts').match(/process\.env/g)?.length
  t.equal(handedOn, 1)
  t.match(source('plugin/start.ts'), /env: \{ \.\.\.process\.env \}/, 'as it is, to its child')
})

t.test('nothing that the plugin loads touches the process of its host', async t => {
  const loaded = reach('plugin/index.ts')
  t.ok(loaded.size > 50 && loaded.has('adapters/postgres/intake.ts'), 'the plugin was followed')
  const touching = [...loaded].flatMap(file =>
    ['on', 'once', 'addListener', 'prependListener', 'exit', 'exitCode', 'abort', 'chdir', 'umask']
      .filter(name => uses.get(file)!.has(name))
      .map(name => `${file}: process.${name}`)
  )
  t.same(touching, [], 'installs no handler and ends nothing')
  t.ok(uses.get('plugin/server.ts')!.has('on'), 'the server around it does')
  for (const file of ['plugin/cli.ts', 'plugin/server.ts', 'plugin/start.ts', 'adapters/sandbox/sandbox.ts']) {
    t.notOk(loaded.has(file), `${file} is no part of the plugin`)
  }
})

function listFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) return listFiles(name)
    return /\.(ts|vue)$/.test(entry.name) ? [name] : []
  })
}

function source(file: string): string {
  const text = readFileSync(path.join(root, file), 'utf8')
  if (!file.endsWith('.vue')) return text
  return [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(match => match[1]).join('\n')
}

function readImports(file: string): Import[] {
  const text = source(file)
  const parsed = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const found: Import[] = []
  const touched = new Set<string>()
  const add = (name: string, typeOnly: boolean): void => {
    const isPackage = !name.startsWith('.')
    const target = isPackage ? name : path.posix.normalize(path.posix.join(path.posix.dirname(file), name))
    found.push({ file, target, isPackage, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      const name = (node.moduleSpecifier as ts.StringLiteral).text
      const clause = ts.isImportDeclaration(node) ? node.importClause : undefined
      const typeOnly = ts.isExportDeclaration(node) ? node.isTypeOnly : clause?.isTypeOnly === true
      add(name, typeOnly)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument !== undefined && ts.isStringLiteral(argument)) add(argument.text, false)
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add((node.argument.literal as ts.StringLiteral).text, true)
    } else if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'process') {
      touched.add(node.name.text)
    } else if (ts.isElementAccessExpression(node) && node.expression.getText() === 'process') {
      const { argumentExpression: name } = node
      touched.add(ts.isStringLiteral(name) ? name.text : 'env')
    }
    ts.forEachChild(node, visit)
  }
  visit(parsed)
  uses.set(file, touched)
  return found
}

function packageOf(name: string): string {
  if (name.startsWith('node:') || builtinModules.includes(name)) return 'node'
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}

function groupOf(file: string): string {
  const [top, second = ''] = file.split('/')
  if (top === 'migrations') return 'migrations'
  if (file.startsWith('adapters/sandbox/page/')) return 'page'
  if (top === 'adapters') return `adapters/${second}`
  if (second === 'core' || second === 'http') return second
  const name = second.replace(/\.ts$/, '')
  // What only the commands call.
  if (['plugin/doctor/run.ts', 'plugin/doctor/print.ts'].includes(file)) return 'commands'
  if (['checks', 'doctor', 'manifest', 'status'].includes(name)) return 'looking'
  return ['index', 'options', 'runtime', 'metrics'].includes(name) ? name : 'commands'
}

/** Every file that is loaded, now or later, when this one is. */
function reach(entry: string): Set<string> {
  const seen = new Set([entry])
  const next = [entry]
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    for (const each of imports) {
      if (each.file !== file || each.isPackage || each.typeOnly || seen.has(each.target)) continue
      seen.add(each.target)
      next.push(each.target)
    }
  }
  return seen
}
