/** Runs `npm run conformance` as a process of its own against a desk in use, and tells what that desk holds. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createSandbox, type Sandbox } from '../../adapters/sandbox/sandbox.ts'
import type { Loose } from './help-desk-ground.ts'

export const root = join(import.meta.dirname, '../..')

export interface Ended {
  code: number | null
  out: string
  err: string
}

/** `at`: a text in the output, and the signal that then is sent. */
export function run(args: string[], at?: { text: string; signal: NodeJS.Signals }): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/conformance/main.ts', ...args], { cwd: root })
  const ended: Ended = { code: null, out: '', err: '' }
  let signalled = false
  child.stderr.on('data', chunk => void (ended.err += chunk))
  child.stdout.on('data', chunk => {
    ended.out += chunk
    if (signalled || at === undefined || !ended.out.includes(at.text)) return
    signalled = true
    child.kill(at.signal)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  return new Promise(resolve =>
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ ...ended, code })
    })
  )
}

/** A desk in which people work: an inbox with a conversation, a label, an app. */
export async function openDesk(t: Test) {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0 })
  t.teardown(() => sandbox.close())
  const { accountId, adminToken, agentToken } = sandbox.desk.config()
  const post = async (path: string, body: object): Promise<Loose> => {
    const answer = await fetch(`${sandbox.deskUrl}/api/v1/accounts/${accountId}/${path}`, {
      method: 'POST',
      headers: { 'api-access-token': adminToken, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    return answer.json()
  }
  const inbox = await post('inboxes', { name: 'In use', channel: { type: 'api', webhook_url: '' } })
  const contact = await post('contacts', {
    name: 'Ana',
    phone_number: '+34600111222',
    inbox_id: inbox.id,
    source_id: 'a'
  })
  const contactId = contact.payload.contact.id
  const message = { message_type: 'incoming', content: 'hola' }
  await post('conversations', { inbox_id: inbox.id, contact_id: contactId, source_id: 'a', message })
  await post('labels', { title: 'urgent' })
  await post('dashboard_apps', { title: 'Orders', content: [{ type: 'frame', url: 'https://example.org/' }] })
  const args = ['--chatwoot-url', sandbox.deskUrl, '--account', String(accountId), '--token', adminToken]
  return { sandbox, args, agentToken, accountId }
}

/** Everything that the desk holds, without the numbers that only ever rise. */
export function holdings(sandbox: Sandbox): string {
  const { counters: _, ...rest } = sandbox.desk.snapshot() as { counters: unknown }
  return JSON.stringify(rest, null, 1)
}

export function tempFile(t: Test, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'puente-command-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, name)
}
