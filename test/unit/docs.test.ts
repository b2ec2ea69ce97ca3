/** The docs say what the code does: generated pages are fresh, and what the others name exists. */
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { PARTITION_SPAN } from '../../adapters/postgres/migrate.ts'
import { readNumberFile } from '../../plugin/connect.ts'
import { ERROR_TABLE } from '../../plugin/core/errors.ts'
import { RULES, TIMES } from '../../plugin/core/rules.ts'
import { readManifest } from '../../plugin/manifest.ts'
import { HELP } from '../../plugin/metrics.ts'
import { listOptions } from '../../plugin/options.ts'
import { makePages, makeRules } from '../docs/pages.ts'
import { RULES_WANTED } from '../docs/rules.ts'
import {
  listApiRoutes,
  listCommands,
  listCounted,
  listFiles,
  listGauges,
  listNumberedTests,
  listRoutes,
  listTables,
  readTests,
  readText,
  root
} from '../docs/scan.ts'

const pages = [...readdirSync(root).filter(name => name.endsWith('.md')), ...listFiles('docs', /\.md$/)]
const written = pages.map(file => ({ file, text: readText(file) }))
const scripts = (JSON.parse(readText('package.json')) as { scripts: Record<string, string> }).scripts

/** All first groups of a pattern in a text. */
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(match => match[1]!)

t.test('every page is there', async t => {
  for (const file of [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/words.md',
    'docs/tables.md'
  ]) {
    t.ok(pages.includes(file), file)
  }
})

t.test('generated pages are what `npm run docs` would write', async t => {
  for (const [file, text] of Object.entries(makePages())) {
    t.ok(existsSync(path.join(root, file)), `${file} exists`)
    t.ok(readText(file) === text, `${file} is fresh; otherwise run: npm run docs`)
  }
})

t.test('tests are found by the numbers in their names, ranges and tables of cases too', async t => {
  const text = `
    t.test('S3, S56: two rules', async () => {})
    t.test(\`S60–S63: four, \${name}\`, async () => {})
    t.test('no number here', async () => {})
    const cases = ['S7: a case', 'S8 is only talked about', 'ES2023: no rule']
    // S99: a comment is no test
  `
  t.same(
    readTests('x.ts', text).map(test => test.rules),
    [[3, 56], [60, 61, 62, 63], [7]]
  )
  const page = makeRules(readTests('x.ts', text))
  t.match(page, /### S3 · .*\n- `x\.ts`: S3, S56: two rules/)
  t.match(page, /## Rules still without a test[\s\S]*- S1 · /)
  t.notMatch(page.split('## Rules still without')[1], /- S3 · /)
  t.equal(Object.keys(RULES_WANTED).length, 99)
  t.ok(listNumberedTests().length > 40, 'the real tests were read')
})

t.test('every name by which the product counts has a help text', async t => {
  t.same(
    listCounted().filter(name => !(name in HELP)),
    []
  )
  t.ok(listGauges().length >= 3, 'gauges were found')
  const known = new Set([
    ...Object.keys(HELP).map(name => `puente_${name}_total`),
    ...listGauges().map(gauge => `puente_${gauge.name}`)
  ])
  for (const { file, text } of written) {
    t.same(
      all(text, /`(puente_[a-z_]+)/g).filter(name => !known.has(name) && name !== 'puente_migrations'),
      [],
      `metrics in ${file}`
    )
  }
})

t.test('commands, scripts and their options that the docs name exist', async t => {
  const commands = listCommands()
  t.ok(commands.size >= 5)
  for (const { file, text } of written) {
    for (const line of text.split('\n')) {
      for (const match of line.matchAll(/(?:`|npx |^|\s)puente ([a-z][a-z-]+)((?: [^`\n]*)?)/g)) {
        const [, name, rest] = match
        // Only what stands in code is a command; prose may say "Puente starts".
        if (!/`[^`]*puente |npx puente|^\s*puente /.test(line)) continue
        t.ok(commands.has(name!), `${file}: puente ${name}`)
        for (const option of all(rest!.split('`')[0]!, /(--[a-z-]+)/g)) {
          t.ok(commands.get(name!)?.includes(option), `${file}: puente ${name} ${option}`)
        }
      }
      for (const name of all(line, /npm run (?:-s )?([a-z-]+)/g)) t.ok(name in scripts, `${file}: npm run ${name}`)
    }
  }
  for (const name of commands.keys()) {
    t.match(readText('README.md'), `puente ${name}`, `the README tells of puente ${name}`)
  }
})

t.test('variables that the docs name exist, and the environment example has them all', async t => {
  const known = new Set(listOptions().map(row => row.env))
  const files = [...pages, 'compose.yaml', 'Dockerfile', '.env.example']
  for (const file of files) {
    const wrong = all(readText(file), /\b(PUENTE_[A-Z_]*[A-Z])\b/g).filter(name => !known.has(name))
    t.same([...new Set(wrong)], [], file)
  }
})

t.test('routes that the docs name exist, and the README names them all', async t => {
  const routes = listRoutes()
  t.ok(routes.length >= 6)
  for (const { file, text } of written) {
    const wrong = all(text, /`((?:GET|POST|PUT|PATCH|DELETE) \/(?:webhooks|livez|readyz|metrics|api|app)[^`\s]*)`/g)
      .map(route => route.split('?')[0]!)
      .filter(route => !routes.includes(route) && !listApiRoutes().includes(route))
    t.same(wrong, [], file)
  }
  // Those of the API are described by openapi.json, from the same table that serves them.
  for (const route of routes) t.ok(readText('README.md').includes(`\`${route}\``), route)
})

t.test('error codes and tables that the docs name exist, and every table is described', async t => {
  const tables = listTables()
  const described = all(readText('docs/tables.md'), /^\| `([a-z_]+)` \|/gm)
  t.same([...described].sort(), [...tables, 'puente_migrations'].sort())
  for (const { file, text } of written) {
    const codes = all(text, /`((?:wa|desk|media)_[a-z_]+)`/g)
    const known = new Set([
      ...Object.keys(ERROR_TABLE),
      ...tables,
      ...readManifest().offers.attributes.map(each => each.key),
      readManifest().offers.contactLink.key,
      'wa_id'
    ])
    t.same(
      codes.filter(code => !known.has(code)),
      [],
      file
    )
  }
})

t.test('links lead somewhere, and files that are named exist', async t => {
  for (const { file, text } of written) {
    const folder = path.dirname(file)
    for (const link of all(text, /\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(link)) continue
      const [target = '', anchor] = link.split('#')
      const aim = target === '' ? file : path.join(folder, target)
      t.ok(existsSync(path.join(root, aim)), `${file} → ${link}`)
      if (anchor !== undefined && aim.endsWith('.md')) {
        t.ok(anchorsOf(readText(aim)).includes(anchor), `${file} → ${link}: there is such a heading`)
      }
    }
    for (const named of all(text, /`((?:plugin|adapters|migrations|test|docs)\/[\w./-]+)`/g)) {
      t.ok(existsSync(path.join(root, named)), `${file} names ${named}`)
    }
  }
})

t.test('the number file of the README is one that `connect` takes', async t => {
  const blocks = all(readText('README.md'), /```json\n([\s\S]*?)```/g)
  const example = blocks.find(block => block.includes('"chatwoot"'))
  t.ok(example, 'there is an example')
  t.doesNotThrow(() => readNumberFile(JSON.parse(example!)))
})

t.test('times and limits that the docs name are those of the code', async t => {
  const days = (ms: number): string => `${Math.round(ms / 86_400_000)} days`
  const readme = readText('README.md')
  const tables = readText('docs/tables.md')
  const { keepDays, keepMonths } = PARTITION_SPAN
  t.match(readme, `recognised for ${days(TIMES.dedupeMs)}`)
  t.match(readme, `raw payloads ${keepDays} days, the map of ids ${days(TIMES.idMapMs)}, usage ${keepMonths} months`)
  t.match(readme, `413 over ${RULES.webhookMaxBytes.value / 1024 / 1024} MiB`)
  t.match(tables, new RegExp(`\\| \`pages\` .*\\| ${keepDays} days,`))
  // A week is dropped as a whole.
  t.match(tables, new RegExp(`\\| \`events\` .*\\| ${keepDays} to ${keepDays + 6} days,`))
  for (const table of ['deliveries', 'parts', 'receipts', 'id_map']) {
    t.match(tables, new RegExp(`\\| \`${table}\` .*\\| ${days(TIMES.idMapMs)} \\|`))
  }
  t.match(readText('docs/deployment.md'), `at most ${TIMES.laneLeaseMs / 1000} seconds`)
  t.match(readText('docs/how-a-message-travels.md'), `held ${TIMES.hookOrderMs} ms`)
})

/** As GitHub makes them from headings. */
function anchorsOf(text: string): string[] {
  return all(text, /^#{1,6} (.+)$/gm).map(heading =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
  )
}
