/**
 * The help desk suite on the sandbox's Chatwoot; on a real one when PUENTE_TEST_CHATWOOT_URL, _ACCOUNT, _TOKEN and
 * _AGENT_TOKEN say where it is (PUENTE_TEST_HOOK_HOST: the address under which it reaches this machine).
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { createChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createSandbox } from '../../adapters/sandbox/sandbox.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import type { HelpDeskHarness, ReceivedHook } from './help-desk-ground.ts'
import { runHelpDeskSuite } from './help-desk-suite.ts'

async function receiveHooks(t: Test, host: string): Promise<{ url: string; hooks: ReceivedHook[] }> {
  const hooks: ReceivedHook[] = []
  const server = createServer(async (request, response) => {
    hooks.push({ raw: await buffer(request), headers: request.headers })
    response.end()
  })
  server.listen(0, host === '127.0.0.1' ? host : '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://${host}:${(server.address() as AddressInfo).port}/hooks`, hooks }
}

async function standIn(t: Test): Promise<{ access: DeskAccess; agent: DeskAccess }> {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0 })
  t.teardown(() => sandbox.close())
  const { accountId, adminToken, agentToken } = sandbox.desk.config()
  const access = { url: sandbox.deskUrl, accountId, token: adminToken }
  return { access, agent: { ...access, token: agentToken } }
}

function realDesk(url: string): { access: DeskAccess; agent: DeskAccess } {
  const { PUENTE_TEST_CHATWOOT_ACCOUNT, PUENTE_TEST_CHATWOOT_TOKEN, PUENTE_TEST_CHATWOOT_AGENT_TOKEN } = process.env
  const access = { url, accountId: Number(PUENTE_TEST_CHATWOOT_ACCOUNT), token: PUENTE_TEST_CHATWOOT_TOKEN ?? '' }
  return { access, agent: { ...access, token: PUENTE_TEST_CHATWOOT_AGENT_TOKEN ?? '' } }
}

async function open(t: Test): Promise<HelpDeskHarness> {
  const { PUENTE_TEST_CHATWOOT_URL: url, PUENTE_TEST_HOOK_HOST: host = '127.0.0.1' } = process.env
  const http = createHttpClient()
  const desk = createChatwootDesk({ http })
  t.teardown(() => desk.close())
  const { access, agent } = url ? realDesk(url) : await standIn(t)
  const { url: hookUrl, hooks } = await receiveHooks(t, host)
  return {
    desk,
    setup: createChatwootSetup({ http }),
    http,
    access,
    agent,
    hookUrl,
    hooks,
    hookWaitMs: url ? 20_000 : 3000
  }
}

t.test('the desk keeps every assumption', t => runHelpDeskSuite(t, open))
