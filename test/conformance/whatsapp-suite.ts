/** Plays the checks of Meta's side with a real token, or the sandbox's: a client that can only read, one after another. */
import type { HttpClient } from '../../adapters/http/types.ts'
import { createGraph, type GraphAccess } from '../../adapters/whatsapp-cloud/graph-call.ts'
import { listNumbers } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { type Outcome, playCheck } from './check.ts'
import { WHATSAPP_CHECKS, type WhatsAppGround } from './whatsapp-checks.ts'

export interface WhatsAppRun {
  /** Closed by the caller. */
  http: HttpClient
  url: string
  version: string
  token: string
  wabaId: string
  phoneNumberId?: string
  app?: { id: string; secret: string }
  only?: RegExp
  tell(outcome: Outcome): void
  stop: AbortSignal
}

/** Fails with a PuenteError when Graph cannot be reached, or the token is worth nothing. */
export async function runWhatsAppSuite(run: WhatsAppRun): Promise<{ outcomes: Outcome[]; interrupted: boolean }> {
  const http = readOnly(run.http)
  const access: GraphAccess = { graphUrl: run.url, graphVersion: run.version, token: run.token }
  if (run.app !== undefined) access.appSecret = run.app.secret
  const numbers = await listNumbers(createGraph({ http }), access, run.wabaId)
  const ground: WhatsAppGround = {
    http,
    access,
    wabaId: run.wabaId,
    phoneNumberId: run.phoneNumberId ?? numbers[0]?.id ?? null,
    app: run.app ?? null
  }
  const outcomes: Outcome[] = []
  for (const check of WHATSAPP_CHECKS) {
    if (run.stop.aborted) break
    if (run.only !== undefined && !run.only.test(check.id)) continue
    const outcome = await playCheck(check, ground, null)
    outcomes.push(outcome)
    run.tell(outcome)
  }
  return { outcomes, interrupted: run.stop.aborted }
}

/** Whatever a check does, nothing but GET leaves. */
export function readOnly(http: HttpClient): HttpClient {
  const check = (method: string) => {
    if (method !== 'GET') throw new Error(`the suite may only read, not ${method}`)
  }
  return {
    async request(request) {
      check(request.method)
      return http.request(request)
    },
    async open(request) {
      check(request.method)
      return http.open(request)
    },
    close: () => {}
  }
}
