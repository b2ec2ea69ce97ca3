/** `puente admin-link`: a one-time link to the admin pages, for whoever sits at the terminal of this installation. */
import { randomBytes } from 'node:crypto'
import { createAgentStore } from '../adapters/postgres/agents.ts'
import { createConnections } from '../adapters/postgres/connections.ts'
import { WHOLE_INSTALLATION } from './core/ports/agent-store.ts'
import { TICKET_MS, TICKET_PREFIX } from './http/session/bearer.ts'
import type { Options } from './options.ts'
import { withDatabase } from './with-database.ts'

export async function runAdminLink(
  options: Options,
  given: { json?: boolean },
  output: { write(text: string): unknown }
): Promise<number> {
  return withDatabase(options, async (database, _numbers, vault) => {
    const ticket = `${TICKET_PREFIX}${randomBytes(32).toString('base64url')}`
    const facts = { ...WHOLE_INSTALLATION, mode: 'ticket' as const, name: '', locale: null, uid: null }
    const expiresAt = await createAgentStore(database.people, vault).openSession(ticket, facts, TICKET_MS.terminal)
    const running = (await createConnections(database.knex, vault).countProcesses()) > 0
    // In the fragment, which browsers never send: no log on the way can keep it.
    const url = `${baseOf(options)}/app/admin#ticket=${ticket}`
    if (given.json === true) output.write(`${JSON.stringify({ url, expiresAt: expiresAt.toISOString(), running })}\n`)
    else {
      const minutes = TICKET_MS.terminal / 60_000
      output.write(`${url}\n\nWorks once, within ${minutes} minutes. It shows all numbers of this installation.\n`)
      if (!running) output.write('Puente is not running: start it with puente start before you open the link.\n')
    }
    return 0
  })
}

/** As configured, else where the server listens; every address of a machine includes its own. */
function baseOf({ publicUrl, host, port }: Options): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '')
  const own = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${own.includes(':') ? `[${own}]` : own}:${port}`
}
