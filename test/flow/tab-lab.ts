/** The agent's tab as a page would use it: signing in, calling `/api/v1`, writing notes in the desk. */
import { createSandbox, type Sandbox } from '../../adapters/sandbox/sandbox.ts'
import { connectNumber, readNumberFile } from '../../plugin/connect.ts'
import { type Flow, type FlowOptions, type Loose, startFlow } from '../support/puente.ts'

export interface TabAgent {
  id: number
  name: string
  token: string
  /** What the desk's cookie would hold. */
  desk: { 'access-token': string; client: string; uid: string }
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  body: any
  headers: Headers
}

export interface Tab {
  flow: Flow
  accountId: number
  inboxId: number
  /** Bea is a member of the inbox, Cem is not, Ada is an administrator. */
  people: Record<'ada' | 'bea' | 'cem', { id: number; name: string; desk: TabAgent['desk']; token: string }>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  signIn(name: 'ada' | 'bea' | 'cem'): Promise<TabAgent>
  /** As the desk's API would be called by that person. */
  deskCall(method: string, path: string, body?: unknown, as?: 'ada' | 'bea' | 'cem'): Promise<Answer>
  /** A customer writes; answers the conversation it is in. */
  begin(input?: Loose): Promise<{ conversationId: number; contactId: number }>
}

export interface CallOptions {
  as?: TabAgent
  /** Sends the desk session along, as a page on the desk's host does. */
  withDesk?: boolean
  desk?: TabAgent['desk']
  body?: unknown
  raw?: Buffer
  key?: string | false
  headers?: Record<string, string>
}

export async function openTab(t: { teardown(handler: () => unknown): unknown }, given: FlowOptions = {}): Promise<Tab> {
  const flow = await startFlow(t, given)
  const config = flow.sandbox.desk.config()
  const inboxId = Number((config.inboxes[0] as Loose).id)
  const person = (start: string) => {
    const found = config.agents.find(agent => agent.email.startsWith(start))!
    const { accessToken, client, uid } = found.session
    return { id: found.id, name: found.name, token: found.token, desk: { 'access-token': accessToken, client, uid } }
  }
  const people = { ada: person('ada@'), bea: person('bea@'), cem: person('cem@') }
  let keys = 0

  const deskCall: Tab['deskCall'] = async (method, path, body, as) => {
    const answer = await fetch(`${config.url}/api/v1/accounts/${config.accountId}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        'api-access-token': as === undefined ? config.adminToken : people[as].token
      },
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: answer.headers }
  }
  await deskCall('PATCH', '/inbox_members', { inbox_id: inboxId, user_ids: [people.bea.id] })

  const call: Tab['call'] = async (method, path, options = {}) => {
    const headers: Record<string, string> = { ...options.headers }
    if (options.as !== undefined) headers['authorization'] = `Bearer ${options.as.token}`
    const desk = options.desk ?? (options.withDesk === true ? options.as?.desk : undefined)
    if (desk !== undefined) headers['x-desk-session'] = Buffer.from(JSON.stringify(desk)).toString('base64url')
    if (options.body !== undefined) headers['content-type'] = 'application/json'
    if (method === 'POST' && options.key !== false) headers['idempotency-key'] = options.key ?? `test-key-${++keys}`
    const answer = await fetch(`${flow.url}/api/v1${path}`, {
      method,
      headers,
      body: options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    })
    const text = await answer.text()
    let body: unknown = null
    try {
      body = text === '' ? null : JSON.parse(text)
    } catch {
      body = text
    }
    return { status: answer.status, body, headers: answer.headers }
  }

  return {
    flow,
    accountId: config.accountId,
    inboxId,
    people,
    call,
    deskCall,
    async signIn(name) {
      const { id, name: shown, desk } = people[name]
      const body = { accountId: config.accountId, session: desk }
      const answer = await call('POST', '/sessions/desk', { body })
      if (answer.status !== 200) throw new Error(`sign-in failed: ${answer.status} ${JSON.stringify(answer.body)}`)
      return { id, name: shown, token: answer.body.token, desk }
    },
    async begin(input = {}) {
      const known = new Set(flow.conversations().map((c: Loose) => c.id))
      await flow.say(input)
      await flow.settle()
      const conversation =
        flow.conversations().find((c: Loose) => !known.has(c.id)) ?? (flow.conversations().at(-1) as Loose)
      return { conversationId: conversation.id, contactId: conversation.contactId ?? conversation.contact?.id }
    }
  }
}

/** Another desk on the same Puente, with an account of the same number and a number of its own. */
export async function addDesk(
  t: { teardown(handler: () => unknown): unknown },
  flow: Flow,
  seed = 91
): Promise<Sandbox> {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0, seed })
  t.teardown(() => sandbox.close())
  const { runtime } = flow
  for (const number of sandbox.config()['numbers'] as unknown[]) {
    await connectNumber(readNumberFile(number), {
      numbers: runtime.bridge.numbers,
      connections: runtime.connections,
      installation: runtime.installation,
      publicUrl: flow.url,
      graphUrl: sandbox.graphUrl,
      graphVersion: 'v25.0',
      sandbox: true,
      env: {},
      without: ['picture', 'label', 'rule', 'folder'],
      onSaved: () => runtime.refresh()
    })
  }
  await runtime.refresh()
  return sandbox
}

export interface Listening {
  events: { event: string; data: Loose }[]
  /** When the server has ended the stream. */
  ended: Promise<void>
  isOver(): boolean
  close(): void
}

/** The live line of a conversation, as the tab reads it. */
export async function listenTo(
  t: { teardown(handler: () => unknown): unknown },
  tab: Tab,
  as: TabAgent,
  conversationId: number,
  withDesk = false
): Promise<Listening> {
  const stop = new AbortController()
  const headers: Record<string, string> = { authorization: `Bearer ${as.token}` }
  if (withDesk) headers['x-desk-session'] = Buffer.from(JSON.stringify(as.desk)).toString('base64url')
  const answer = await fetch(`${tab.flow.url}/api/v1/conversations/${conversationId}/events`, {
    headers,
    signal: stop.signal
  })
  if (answer.status !== 200) throw new Error(`no stream: ${answer.status}`)
  const events: Listening['events'] = []
  let over = false
  const read = async (): Promise<void> => {
    let buffer = ''
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (buffer + chunk).split('\n\n')
      buffer = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
        if (event !== undefined) events.push({ event, data: JSON.parse(data!) })
      }
    }
  }
  const ended = read()
    .catch(() => {})
    .then(() => {
      over = true
    })
  const close = (): void => stop.abort()
  t.teardown(close)
  return { events, ended, isOver: () => over, close }
}
