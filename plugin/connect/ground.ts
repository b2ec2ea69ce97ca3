/**
 * What connecting stands on: the number's plan in clear, the clients for desk and Graph, and the addresses at which this
 * Puente is called. One ground per run; `close` lets the sockets go.
 */
import { type ChatwootSetup, createChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import { type AccountSetup, createAccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import type { Connections } from '../../adapters/postgres/connections.ts'
import { createGraph, type Graph, type GraphAccess } from '../../adapters/whatsapp-cloud/graph-call.ts'
import type { DeskAccess } from '../core/ports/help-desk.ts'
import type { Numbers } from '../core/ports/store.ts'
import type { NumberPlan } from './number-file.ts'

export interface ConnectDeps {
  numbers: Numbers
  connections: Connections
  installation: string
  publicUrl: string
  /** Under which the routes lie in a host app. */
  prefix?: string
  graphUrl: string
  graphVersion: string
  sandbox?: boolean
  /** Told after each step that changed something. */
  step?: (text: string) => void
  /** Called when the number is stored: the running process must know it before Meta asks for the handshake. */
  onSaved?: () => Promise<void>
  env: NodeJS.ProcessEnv
  /** Steps to leave out. */
  without?: readonly string[]
  /** Told when a step is over, changed or not; for tests that interrupt. */
  afterStep?: (id: string) => void
}

export interface Ground {
  plan: NumberPlan
  http: HttpClient
  setup: ChatwootSetup
  account: AccountSetup
  graph: Graph
  desk: DeskAccess
  graphAccess: GraphAccess
  /** Address of this Puente with its prefix, without a slash at the end. */
  base: string
  /** Where Meta sends webhooks. */
  callbackUrl: string
  /** Graph is a stand-in on this machine: it calls whatever it is told. */
  local: boolean
  close(): void
}

export function openGround(
  plan: NumberPlan,
  deps: Pick<ConnectDeps, 'publicUrl' | 'prefix' | 'graphUrl' | 'graphVersion'>
): Ground {
  const http = createHttpClient({ maxSockets: 8 })
  const base = `${deps.publicUrl.replace(/\/+$/, '')}${deps.prefix ?? ''}`
  return {
    plan,
    http,
    setup: createChatwootSetup({ http }),
    account: createAccountSetup({ http }),
    graph: createGraph({ http }),
    desk: plan.desk,
    graphAccess: {
      token: plan.whatsapp.token,
      appSecret: plan.whatsapp.appSecrets[0],
      graphUrl: deps.graphUrl,
      graphVersion: deps.graphVersion
    },
    base,
    callbackUrl: `${base}/webhooks/whatsapp`,
    local: isLoopback(deps.graphUrl),
    close: () => http.close()
  }
}

/** Only what runs on this machine can be a stand-in. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}
