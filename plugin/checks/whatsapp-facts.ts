/** What Meta says of a number, its WABA, the token and the app: asked once, judged in whatsapp.ts and elsewhere.ts. */
import type { Graph, GraphAccess } from '../../adapters/whatsapp-cloud/graph-call.ts'
import {
  debugToken,
  listSubscribedApps,
  type NumberDetails,
  readNumberDetails,
  type SubscribedApp,
  type TokenFacts
} from '../../adapters/whatsapp-cloud/management.ts'
import {
  type AppSubscription,
  type ListedNumber,
  listNumbers,
  readAppSubscription,
  readWaba,
  type WabaFacts
} from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { attempt, isAway, type Read } from './read.ts'

export interface WhatsAppFacts {
  number: Read<NumberDetails>
  waba: Read<WabaFacts>
  wabaNumbers: Read<ListedNumber[]>
  apps: Read<SubscribedApp[]>
  /** Null without the app's id: these two are asked in its name. */
  token: Read<TokenFacts> | null
  appSubscription: Read<AppSubscription | null> | null
}

export interface WhatsAppAsked {
  phoneNumberId: string
  wabaId: string
  appId: string | null
}

/** Only reads. When nothing answers, the same error stands for all. */
export async function readWhatsAppFacts(
  graph: Graph,
  access: GraphAccess,
  { phoneNumberId, wabaId, appId }: WhatsAppAsked
): Promise<WhatsAppFacts> {
  const number = await attempt(() => readNumberDetails(graph, access, phoneNumberId))
  if (!number.ok && isAway(number.error)) {
    return { number, waba: number, wabaNumbers: number, apps: number, token: null, appSubscription: null }
  }
  const app = appId === null || !access.appSecret ? null : { id: appId, secret: access.appSecret }
  const [waba, wabaNumbers, apps, token, appSubscription] = await Promise.all([
    attempt(() => readWaba(graph, access, wabaId)),
    attempt(() => listNumbers(graph, access, wabaId)),
    attempt(() => listSubscribedApps(graph, access, wabaId)),
    app === null ? null : attempt(() => debugToken(graph, access, app)),
    app === null ? null : attempt(() => readAppSubscription(graph, access, app))
  ])
  return { number, waba, wabaNumbers, apps, token, appSubscription }
}
