/**
 * The code and its assumptions cannot drift apart: every id that a comment names has a check, and every check has a
 * comment in the code that relies on it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HELP_DESK_CASES } from './help-desk-suite.ts'
import { WHATSAPP_CHECKS } from './whatsapp-checks.ts'

const root = join(import.meta.dirname, '../..')
const ID = /\b(?:CW|WA)-[A-Z0-9]+(?:-[A-Z0-9]+)*\b/g
const COMMENT = /\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*$/gm

/** Ids in comments, with the files that name them. */
function findIds(folders: string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const file = join(entry.parentPath, entry.name)
      for (const [comment] of readFileSync(file, 'utf8').matchAll(COMMENT)) {
        for (const [id] of comment.matchAll(ID)) found.set(id, [...(found.get(id) ?? []), file.slice(root.length + 1)])
      }
    }
  }
  return found
}

/** Seen to before the code needs it; it is taken off this list when a comment names it. */
const AHEAD = ['WA-PROFILE']

const checks = [...HELP_DESK_CASES, ...WHATSAPP_CHECKS]
const named = findIds(['adapters/chatwoot', 'adapters/whatsapp-cloud', 'plugin'])

t.test('ids are unique, and each check says what it assumes', async t => {
  const ids = checks.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  for (const { id, says } of checks) {
    t.match(id, new RegExp(`^${ID.source}$`))
    t.match(says, /^\S.{15,}[^.]$/, id)
  }
})

t.test('every id that the code names has a check', async t => {
  const known = new Set(checks.map(({ id }) => id))
  const unknown = [...named].filter(([id]) => !known.has(id)).map(([id, files]) => `${id} in ${files.join(', ')}`)
  t.same(unknown, [])
})

t.test('every check is named by the code that relies on it', async t => {
  t.same(
    checks.map(({ id }) => id).filter(id => !named.has(id)),
    AHEAD
  )
})
