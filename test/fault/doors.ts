/** The sandbox as a process of its own, and its doors: what a customer says, an agent does, which faults are on, what happened. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Fault, LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { programOf } from './programs.ts'

// biome-ignore lint/suspicious/noExplicitAny: the stand-ins' answers are looked into freely here
export type Loose = any

export interface SayDone {
  wamid: string
  customer: string
  deliveries: { status: number }[]
}

export interface Doors {
  deskUrl: string
  graphUrl: string
  process: ChildProcess
  get(name: string): Promise<Loose>
  post(name: string, body: unknown): Promise<Loose>
  say(input: object): Promise<SayDone>
  reply(input: object): Promise<{ messageId: number }>
  act(input: object): Promise<Loose>
  faults(faults: Fault[]): Promise<void>
  ledger(query?: string): Promise<LedgerEntry[]>
  view(): Promise<DeskView>
  config(): Promise<Loose>
  close(): Promise<void>
}

export interface ViewMessage {
  id: number
  type: string
  content: string | null
  status: string
  private: boolean
  sourceId: string | null
  contentAttributes: Record<string, unknown>
  createdAt: number
  attachments: { size: number; sha256: string | null; type: string }[]
}

export interface ViewConversation {
  id: number
  inboxId: number
  status: string
  sourceId: string | null
  contact: { id: number; name: string; phone: string | null; identifier: string | null } | null
  messages: ViewMessage[]
}

export interface DeskView {
  conversations: ViewConversation[]
}

export async function startSandbox(seed: number, numbers = 1): Promise<Doors> {
  const { file, execArgv } = programOf('sandbox')
  const child = fork(
    file,
    ['--graph-port', '0', '--desk-port', '0', '--seed', String(seed), '--numbers', String(numbers)],
    {
      execArgv,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc']
    }
  )
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', chunk => {
      text += String(chunk)
      if (text.includes('\n')) resolve(text)
    })
    child.once('exit', code => reject(new Error(`the sandbox ended with ${code}`)))
  })
  const [, deskUrl, graphUrl] = /^sandbox (\S+) graph (\S+)/.exec(line) as unknown as [string, string, string]

  const ask = async (method: string, name: string, body?: unknown): Promise<Loose> => {
    const answer = await fetch(`${deskUrl}/__${name}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000)
    })
    const json = (await answer.json()) as Loose
    if (!answer.ok) throw new Error(`/__${name}: ${answer.status} ${JSON.stringify(json)}`)
    return json
  }
  const doors: Doors = {
    deskUrl,
    graphUrl,
    process: child,
    get: name => ask('GET', name),
    post: (name, body) => ask('POST', name, body),
    say: input => ask('POST', 'say', input),
    reply: input => ask('POST', 'reply', input),
    act: input => ask('POST', 'act', input),
    faults: async faults => void (await ask('POST', 'faults', faults)),
    ledger: (query = '') => ask('GET', `ledger?after=0&limit=2000000${query}`),
    view: () => ask('GET', 'desk-view'),
    config: () => ask('GET', 'config'),
    async close() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    }
  }
  await doors.post('graph', {
    statuses: { mode: 'timed', sentMs: 50, deliveredMs: 150, readMs: 500, playedMs: 600 },
    retry: { baseMs: 150, factor: 1.5, capMs: 1_500 },
    throughput: 'off'
  })
  return doors
}
