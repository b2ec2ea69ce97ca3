// One line of the ledger as a sentence. What it does not know it names by its own words.
import type { LedgerEntry } from '../../../parts.ts'
import { showDuration } from '../text/when.ts'

export interface ToldEntry {
  text: string
  /** `200 in 4 ms`, `no answer after 5 s`. */
  result?: string
  tone: 'phone' | 'desk' | 'puente' | 'trouble'
}

const statusWords: Record<string, string> = {
  sent: 'sent (one tick)',
  delivered: 'delivered (two ticks)',
  read: 'read (blue ticks)',
  played: 'played',
  failed: 'failed'
}

const deskHooks: Record<string, string> = {
  message_created: 'new message',
  message_updated: 'message changed',
  conversation_created: 'new conversation',
  conversation_updated: 'conversation changed',
  conversation_status_changed: 'status changed',
  conversation_typing_on: 'agent is typing',
  conversation_typing_off: 'agent stopped typing',
  contact_created: 'new contact',
  contact_updated: 'contact changed'
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

function tellResult(entry: LedgerEntry): string | undefined {
  const took = entry.tookMs === undefined ? '' : showDuration(entry.tookMs)
  if (entry.status !== undefined && entry.status > 0) return took ? `${entry.status} in ${took}` : String(entry.status)
  if (entry.what === 'hook') return took ? `no answer after ${took}` : 'no answer'
  return undefined
}

const graphCalls: [RegExp, string][] = [
  [/^POST \/media$/, 'upload a file'],
  [/^GET \/media\/download/, 'fetch the file'],
  [/^GET \/media/, 'ask where the file is'],
  [/^GET \/phone$/, 'read the number'],
  [/templates/, 'read the templates'],
  [/subscribed_apps/, 'subscribe to webhooks']
]

const deskCalls: [RegExp, string][] = [
  [/^POST \/conversations\/:id\/messages$/, 'write the message'],
  [/^POST \/conversations\/:id\/messages\/:id\/retry/, 'retry'],
  [/^DELETE \/conversations\/:id\/messages/, 'delete the message'],
  [/^GET \/conversations\/:id\/messages/, 'look for the message'],
  [/^POST \/conversations$/, 'open a conversation'],
  [/^POST \/conversations\/:id\/toggle_status/, 'change the status'],
  [/custom_attributes$/, 'set attributes'],
  [/labels$/, 'set labels'],
  [/^POST \/contacts$/, 'create the contact'],
  [/^(GET|POST) \/contact/, 'look up the contact'],
  [/^(PUT|PATCH) \/contacts/, 'update the contact'],
  [/^GET \/conversations/, 'read conversations']
]

function tellCall(entry: LedgerEntry): string {
  const body = asRecord(entry.body)
  if (entry.side === 'graph') {
    const where = 'Puente → WhatsApp: '
    if (body['status'] === 'read') return where + (body['typing_indicator'] ? 'typing' : 'mark as read')
    if (entry.name === 'POST /messages') return `${where}send ${String(entry.ids['type'] ?? body['type'] ?? 'message')}`
    return where + (graphCalls.find(([name]) => name.test(entry.name))?.[1] ?? entry.name)
  }
  const where = 'Puente → desk: '
  if (/^PATCH .*\/messages/.test(entry.name))
    return `${where}show ${statusWords[String(body['status'])] ?? 'its status'}`
  return where + (deskCalls.find(([name]) => name.test(entry.name))?.[1] ?? entry.name)
}

function tellHook(entry: LedgerEntry): string {
  if (entry.side === 'desk') return `Desk hook → Puente: ${deskHooks[entry.name] ?? entry.name}`
  const { status, count, attempt } = entry.ids
  const what = typeof status === 'string' ? (statusWords[status] ?? status) : entry.name.replaceAll('_', ' ')
  const batch = typeof count === 'number' && count > 1 ? ` (${count} in one)` : ''
  const again = typeof attempt === 'number' && attempt > 1 ? `, attempt ${attempt}` : ''
  return `WhatsApp webhook → Puente: ${what}${batch}${again}`
}

const graphEffects: Record<string, string> = {
  say: 'The customer wrote',
  sent: 'WhatsApp accepted it',
  uploaded: 'File taken by WhatsApp',
  read: 'Marked as read',
  typing: 'Typing shown on the phone'
}

const deskMessages: Record<string, string> = {
  incoming: 'Shown in the desk',
  outgoing: 'The agent wrote',
  activity: 'A grey line in the desk',
  template: 'The desk wrote by itself'
}

const deskEffects: Record<string, string> = {
  conversation: 'Conversation opened',
  contact: 'Contact created',
  contact_deleted: 'Contact deleted',
  conversation_deleted: 'Conversation deleted'
}

function tellEffect(entry: LedgerEntry): string {
  const type = entry.ids['type']
  if (entry.side === 'graph') {
    const kind =
      entry.name === 'say' && typeof type === 'string' && type !== 'text' ? ` (${type.replaceAll('_', ' ')})` : ''
    return (graphEffects[entry.name] ?? `WhatsApp: ${entry.name.replaceAll('_', ' ')}`) + kind
  }
  if (entry.name === 'message')
    return entry.ids['private'] ? 'A private note in the desk' : (deskMessages[String(type)] ?? 'Stored in the desk')
  if (entry.name === 'status') return `Desk shows: ${statusWords[String(entry.ids['status'])] ?? entry.ids['status']}`
  return deskEffects[entry.name] ?? `Desk: ${entry.name.replaceAll('_', ' ')}`
}

export function describeEntry(entry: LedgerEntry): ToldEntry {
  const result = tellResult(entry)
  const failed = (entry.status !== undefined && entry.status >= 400) || (entry.what === 'hook' && !entry.status)
  const tone = failed ? 'trouble' : entry.what === 'call' ? 'puente' : entry.side === 'graph' ? 'phone' : 'desk'
  const text = entry.what === 'call' ? tellCall(entry) : entry.what === 'hook' ? tellHook(entry) : tellEffect(entry)
  return { text, result, tone }
}
