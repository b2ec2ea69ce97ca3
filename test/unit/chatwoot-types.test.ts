/** The compiler compares every JSON example of Chatwoot with our wire types. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { examplesAsModule, listExamples, readExample, typeOfExample } from '../types/chatwoot-examples.ts'

// biome-ignore lint/suspicious/noExplicitAny: examples are changed at will here
type Loose = Record<string, any>

const folder = join(dirname(fileURLToPath(import.meta.url)), '../types')
const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true
}

/** Compiles modules that exist only in memory; gives the complaints by file. */
function complaints(modules: Record<string, string>): Record<string, string[]> {
  const byPath = new Map(Object.entries(modules).map(([name, text]) => [join(folder, name), { name, text }]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = path => byPath.has(path) || fileExists.call(host, path)
  host.readFile = path => byPath.get(path)?.text ?? readFile.call(host, path)
  host.getSourceFile = (path, version, ...rest) => {
    const module = byPath.get(path)
    if (module) return ts.createSourceFile(path, module.text, version)
    return getSourceFile.call(host, path, version, ...rest)
  }
  const program = ts.createProgram([...byPath.keys()], options, host)
  const found: Record<string, string[]> = Object.fromEntries(Object.keys(modules).map(name => [name, []]))
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const module = byPath.get(diagnostic.file?.fileName ?? '')
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
    if (module) found[module.name]!.push(text)
    else throw new Error(text)
  }
  return found
}

/** The example with one thing changed that its type must not allow. */
function spoiled(name: string, spoil: (example: Loose) => void): string {
  const example = structuredClone(readExample(name)) as Loose
  spoil(example)
  const type = typeOfExample(name)
  return `import type * as w from '../../adapters/chatwoot/wire.ts'\nexport const e: ${type} = ${JSON.stringify(example)}\n`
}

const text = 'webhook.message_created.outgoing-text.json'
const spoilt: Record<string, string> = {
  'missing-key.ts': spoiled(text, hook => delete hook.conversation.contact_inbox.source_id),
  'unknown-key.ts': spoiled(text, hook => (hook.conversation.meta.surprise = 1)),
  'null-where-none.ts': spoiled(text, hook => (hook.inbox.name = null)),
  'other-literal.ts': spoiled(text, hook => (hook.message_type = 'sent')),
  'number-for-name.ts': spoiled(text, hook => (hook.message_type = 1)),
  'name-for-number.ts': spoiled('api.messages.delete.response.json', message => (message.message_type = 'outgoing')),
  'epoch-for-iso.ts': spoiled(text, hook => (hook.created_at = 1785146740)),
  'request-key.ts': spoiled('api.contacts.create.request.json', body => (body.phone = '+1'))
}

t.test('every example of Chatwoot fits its wire type, and the check is strict', async t => {
  const found = complaints({ 'examples.generated.ts': examplesAsModule(), ...spoilt })
  t.same(found['examples.generated.ts'], [])
  t.ok(listExamples().length >= 140, `${listExamples().length} examples`)
  for (const name of Object.keys(spoilt)) t.equal(found[name]!.length, 1, `${name}: ${found[name]}`)
})
