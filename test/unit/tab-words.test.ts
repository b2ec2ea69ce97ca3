/** The pages' catalogues: every language has every key with the same places, every key is used, none is missing. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ERROR_TABLE } from '../../plugin/core/errors.ts'
import { UNREADABLE_CODES } from '../../plugin/core/ports/laneless.ts'
import { compileMessage } from '../../ui-extension/compile-catalogues.ts'

const source = fileURLToPath(new URL('../../ui-extension/src', import.meta.url))
type Tree = { [key: string]: string | Tree }

function flatten(tree: Tree, before = ''): Map<string, string> {
  const rows = Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${before}${key}`, value] as const] : [...flatten(value, `${before}${key}.`)]
  )
  return new Map(rows)
}

/** Of the tab and, in a file of its own, of the admin page. */
async function readCatalogue(language: string): Promise<Map<string, string>> {
  const files = [`${language}.json`, `admin-${language}.json`]
  const trees = await Promise.all(
    files.map(async file => JSON.parse(await readFile(join(source, 'i18n', file), 'utf8')))
  )
  return flatten(Object.assign({}, ...trees) as Tree)
}

const placesOf = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(one => String(one[1])))].sort()

async function readSources(): Promise<string> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile() && /\.(vue|ts)$/.test(entry.name))
  return (await Promise.all(files.map(file => readFile(join(file.parentPath, file.name), 'utf8')))).join('\n')
}

t.test('Spanish and Brazilian Portuguese say all that English says, with the same places to fill', async t => {
  const en = await readCatalogue('en')
  for (const language of ['es', 'pt-BR']) {
    const other = await readCatalogue(language)
    t.same([...other.keys()].sort(), [...en.keys()].sort(), `${language}: keys`)
    for (const [key, text] of en) {
      const theirs = other.get(key) ?? ''
      t.same(placesOf(theirs), placesOf(text), `${language} ${key}: places`)
      t.equal(theirs.split(' | ').length, text.split(' | ').length, `${language} ${key}: singular and plural`)
      t.ok(theirs.trim(), `${language} ${key}: not empty`)
    }
  }
})

t.test('what the page says is in the catalogue, and the catalogue holds nothing else', async t => {
  const en = await readCatalogue('en')
  const code = await readSources()
  const literal = new Set([...code.matchAll(/['"`]([a-zA-Z][\w-]*(?:\.[\w-]+)*)['"`]/g)].map(one => String(one[1])))
  const prefixes = [...code.matchAll(/\b(?:t|te|say)\(\s*`([\w.-]+\.)\$\{/g)].map(one => String(one[1]))
  const asked = [...code.matchAll(/\b(?:t|say)\(\s*(?:[^()'`]*\?\s*)?'([\w.-]+)'/g)].map(one => String(one[1]))
  t.ok(asked.length > 100, `${asked.length} calls found`)
  for (const key of asked) t.ok(en.has(key), `${key} is in the catalogue`)
  for (const prefix of prefixes)
    t.ok(
      [...en.keys()].some(key => key.startsWith(prefix)),
      `${prefix}… is in the catalogue`
    )
  const unused = [...en.keys()].filter(key => !literal.has(key) && !prefixes.some(prefix => key.startsWith(prefix)))
  t.same(unused, [], 'no key is unused')
})

t.test('an administrator reads a sentence for each cause, not its code', async t => {
  const en = await readCatalogue('en')
  // What is set aside without ever having been an error of a call; the others have a sentence for agents.
  for (const code of [...UNREADABLE_CODES, 'nobody_named', 'unstorable', 'unknown_field', 'number_unknown'])
    t.ok(en.has(`admin.code.${code}`) || code in ERROR_TABLE, code)
})

t.test('messages are compiled to what vue-i18n calls', async t => {
  const context = {
    normalize: (parts: string[]) => parts.join(''),
    interpolate: (value: unknown) => value,
    named: (name: string) => ({ n: 3 })[name as 'n'],
    plural: (forms: string[]) => forms[1]
  }
  const run = (text: string): unknown => {
    const made = new Function(`return ${compileMessage(text)}`)()
    return typeof made === 'function' ? made(context) : made
  }
  t.equal(run('Plain “text”'), 'Plain “text”')
  t.equal(run('{n} left'), '3 left')
  t.equal(run('one | {n} of them'), '3 of them')
})
