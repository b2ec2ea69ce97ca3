/** Reads from the sources what the generated pages tell: tests by rule, gauges, commands, routes, tables. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { ROUTES } from '../../plugin/http/contract/routes.ts'

export const root = path.resolve(fileURLToPath(import.meta.url), '../../..')

export function readText(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

export function listFiles(folder: string, accept: RegExp): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const name = `${folder}/${entry.name}`
      if (entry.isDirectory())
        return ['fixtures', 'node_modules', 'artefacts'].includes(entry.name) ? [] : listFiles(name, accept)
      return accept.test(entry.name) ? [name] : []
    })
}

export interface NumberedTest {
  file: string
  name: string
  rules: number[]
}

/** Every test whose name carries a rule's number. */
export function listNumberedTests(): NumberedTest[] {
  return ['unit', 'conformance', 'flow', 'browser', 'fault'].flatMap(kind =>
    listFiles(`test/${kind}`, /\.ts$/).flatMap(file => readTests(file, readText(file)))
  )
}

/** A name counts as the first argument of `….test(…)`, or anywhere (tables of cases) when it begins with a number. */
export function readTests(file: string, text: string): NumberedTest[] {
  const found: NumberedTest[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      const name = (ts.isStringLiteralLike(node) ? node.text : node.getText().slice(1, -1)).replaceAll(/\s+/g, ' ')
      const isName = ts.isCallExpression(node.parent) && node.parent.arguments[0] === node && isTestCall(node.parent)
      if (isName ? /\bS\d{1,2}\b/.test(name) : /^S\d{1,2}([ ,–-]+S\d{1,2})*: /.test(name)) {
        found.push({ file, name, rules: readRules(name) })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true))
  return found
}

function isTestCall(call: ts.CallExpression): boolean {
  const { expression } = call
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()
  return name === 'test' || name === 'check'
}

/** `S3, S56` are two rules, `S60–S63` are four. */
function readRules(name: string): number[] {
  const rules = new Set<number>()
  for (const match of name.matchAll(/\bS(\d{1,2})(?:\s*[–-]\s*S(\d{1,2}))?\b/g)) {
    const first = Number(match[1])
    for (let rule = first; rule <= Number(match[2] ?? first); rule++) rules.add(rule)
  }
  return [...rules]
}

/** Gauges are made where their values are: in the runtime. */
export function listGauges(): { name: string; help: string }[] {
  return [...readText('plugin/runtime.ts').matchAll(/metrics\.gauge\(\s*'([^']+)',\s*'([^']+)'/g)].map(match => ({
    name: match[1]!,
    help: match[2]!
  }))
}

/** Names by which the product counts. */
export function listCounted(): string[] {
  const names = ['plugin', 'adapters']
    .flatMap(folder => listFiles(folder, /\.ts$/))
    .filter(file => !file.startsWith('adapters/sandbox/'))
    .flatMap(file => [...readText(file).matchAll(/\bcount\(\s*'([a-z_]+)'/g)].map(match => match[1]!))
  return [...new Set(names)].sort()
}

/** The commands of the CLI with their options. */
export function listCommands(): Map<string, string[]> {
  const commands = new Map<string, string[]>()
  const parts = readText('plugin/cli.ts')
    .split(/\.command\('/)
    .slice(1)
  for (const part of parts) {
    const name = /^[a-z-]+/.exec(part)![0]
    const options = [...part.matchAll(/\.(?:required)?[oO]ption\('(?:-\w, )?(--[a-z-]+)/g)].map(match => match[1]!)
    commands.set(name, options)
  }
  return commands
}

/** `GET /livez` and so on, as the plugin registers them. */
export function listRoutes(): string[] {
  return listFiles('plugin/http', /\.ts$/)
    .filter(file => !file.startsWith('plugin/http/api/'))
    .flatMap(file =>
      [...readText(file).matchAll(/\bscope\s*\.(get|post|put|patch|delete)(?:<[^(]*>)?\(\s*'([^']+)'/g)].map(
        match => `${match[1]!.toUpperCase()} ${match[2]}`
      )
    )
}

/** The routes below `/api/v1`, as the contract lists them. */
/** Those of the contract, and those beside it that are no JSON both ways (streams, hooks of macros). */
export function listApiRoutes(): string[] {
  const beside = listFiles('plugin/http/api', /\.ts$/).flatMap(file =>
    [...readText(file).matchAll(/\w+\.(get|post)(?:<[^(]*>)?\(\s*'(\/[a-z][^']*)'/g)].map(
      ([, method, route]) => `${method!.toUpperCase()} /api/v1${route}`
    )
  )
  return [...Object.values(ROUTES).map(route => `${route.method} /api/v1${route.path}`), ...beside]
}

export function listTables(): string[] {
  const text = listFiles('migrations', /\.ts$/)
    .map(file => readText(file))
    .join('\n')
  return [...text.matchAll(/create table (?:if not exists )?([a-z_]+) \(/g)].map(match => match[1]!).sort()
}
