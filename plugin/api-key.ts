/** `puente api-key create|list|revoke`: keys for scripts, made beside a running Puente. A key is shown once. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createAgentStore } from '../adapters/postgres/agents.ts'
import { PuenteError } from './core/errors.ts'
import type { DeskRecord } from './core/ports/store.ts'
import { KEY_PREFIX } from './http/session/bearer.ts'
import type { Options } from './options.ts'
import { withDatabase } from './with-database.ts'

export interface ApiKeyArguments {
  name?: string
  /** Chatwoot account id, where several are connected. */
  account?: string
  json?: boolean
}

export async function runApiKey(
  options: Options,
  act: 'create' | 'list' | 'revoke',
  id: string | undefined,
  given: ApiKeyArguments,
  output: { write(text: string): unknown }
): Promise<number> {
  return withDatabase(options, async (database, numbers, vault) => {
    const store = createAgentStore(database.people, vault)
    const { desks } = await numbers.list()
    const say = (value: unknown, text: string): void => {
      output.write(given.json === true ? `${JSON.stringify(value)}\n` : text)
    }
    if (act === 'list') {
      const keys = await store.listApiKeys(given.account === undefined ? null : pickDesk(desks, given.account).id)
      const rows = keys.map(key => ({
        id: key.id,
        name: key.name,
        account: desks.find(desk => desk.id === key.deskId)?.accountId ?? null,
        hint: key.hint,
        createdAt: key.createdAt,
        usedAt: key.usedAt
      }))
      const lines = rows.map(row => `${row.id}  …${row.hint}  account ${row.account}  ${row.name}\n`)
      say(rows, lines.length === 0 ? 'No API keys.\n' : lines.join(''))
      return 0
    }
    if (act === 'revoke') {
      const known = id !== undefined && /^[0-9a-f-]{36}$/i.test(id)
      if (!known || !(await store.revokeApiKey(null, id))) {
        throw wrong(`There is no API key ${id ?? ''}; \`puente api-key list\` shows those that there are.`)
      }
      say({ revoked: id }, 'The key is ended.\n')
      return 0
    }
    const name = (given.name ?? '').trim()
    if (name === '') throw wrong('Give the key a name: --name CRM')
    const desk = pickDesk(desks, given.account)
    const secret = `${KEY_PREFIX}${randomBytes(32).toString('base64url')}`
    const key = await store.createApiKey({ id: randomUUID(), deskId: desk.id, name: name.slice(0, 100) }, secret)
    say(
      { id: key.id, key: secret, account: desk.accountId },
      `${secret}\n\nShown once. It sends in the name of account ${desk.accountId} at ${desk.url}; keep it like a password.\n`
    )
    return 0
  })
}

function pickDesk(desks: readonly DeskRecord[], account: string | undefined): DeskRecord {
  const fitting = account === undefined ? desks : desks.filter(desk => String(desk.accountId) === account)
  if (fitting.length === 1) return fitting[0]!
  const known = desks.map(desk => `${desk.accountId} (${desk.url})`).join(', ')
  throw wrong(
    desks.length === 0
      ? 'No Chatwoot account is connected yet: run `puente connect` first.'
      : `Say which account with --account; connected: ${known}`
  )
}

function wrong(problems: string): PuenteError {
  return new PuenteError('config_invalid', { facts: { problems } })
}
