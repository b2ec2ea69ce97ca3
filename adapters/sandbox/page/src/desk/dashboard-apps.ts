// The desk's dashboard apps, as Chatwoot shows them: the agent's session stands in the cookie that its dashboard
// writes, and a frame is told where it is by `appContext` (contract §6). The agent is the one who answers here.
import { shallowRef } from 'vue'
import { getDoor } from '../doors.ts'

export interface DashboardApp {
  id: number
  title: string
  url: string
}

interface AgentWire {
  id: number
  name: string
  email: string
  role: string
  session: { accessToken: string; client: string; uid: string }
}

interface Desk {
  accountId: number
  agent: AgentWire
}

export const fetchInfo = 'chatwoot-dashboard-app:fetch-info'
export const dashboardApps = shallowRef<DashboardApp[]>([])
let desk: Desk | undefined

type Json = Record<string, unknown>

const headersOf = ({ session }: AgentWire): Record<string, string> => ({
  'access-token': session.accessToken,
  client: session.client,
  uid: session.uid
})

async function ask<T>(at: Desk, path: string): Promise<T> {
  const answer = await fetch(`/api/v1/accounts/${at.accountId}/${path}`, { headers: headersOf(at.agent) })
  if (!answer.ok) throw new Error(`the desk answered ${answer.status}`)
  return (await answer.json()) as T
}

/** As the dashboard does: readable by scripts of this host, on any port. */
function writeCookie(at: Desk): void {
  const held = { ...headersOf(at.agent), 'token-type': 'Bearer' }
  // biome-ignore lint/suspicious/noDocumentCookie: the very cookie that Chatwoot's dashboard writes
  document.cookie = `cw_d_session_info=${encodeURIComponent(JSON.stringify(held))}; path=/; SameSite=Lax`
}

/** Reads the apps anew; a desk without any shows no tabs. */
export async function loadDashboardApps(): Promise<void> {
  try {
    const config = await getDoor<{ desk: { accountId: number; agents: AgentWire[] } }>('/__config')
    const agent = config.desk.agents.find(one => one.role === 'agent') ?? config.desk.agents[0]
    if (!agent) return
    desk = { accountId: config.desk.accountId, agent }
    writeCookie(desk)
    const rows = await ask<{ id: number; title: string; content: { url: string }[] }[]>(desk, 'dashboard_apps')
    const found = rows.map(row => ({ id: row.id, title: row.title, url: row.content[0]?.url ?? '' }))
    if (JSON.stringify(found) !== JSON.stringify(dashboardApps.value)) dashboardApps.value = found
  } catch {
    // Tabs appear when the desk answers again.
  }
}

/** What the dashboard posts to a frame: the chat as it stands in its store, the contact, who looks. */
export async function makeContext(conversationId: number): Promise<string | undefined> {
  if (!desk) return undefined
  const path = `conversations/${conversationId}`
  const [conversation, list] = await Promise.all([
    ask<Json>(desk, path),
    ask<{ payload: unknown[] }>(desk, `${path}/messages`)
  ])
  const sender = (conversation['meta'] as { sender?: { id?: number } } | undefined)?.sender
  const contact = sender?.id === undefined ? {} : (await ask<{ payload: Json }>(desk, `contacts/${sender.id}`)).payload
  const { contact_inboxes: _, ...shown } = contact as Json
  const { id, name, email } = desk.agent
  const data = {
    conversation: { ...conversation, messages: list.payload, allMessagesLoaded: false, dataFetched: true },
    contact: shown,
    currentAgent: { id, name, email }
  }
  return JSON.stringify({ event: 'appContext', data })
}
