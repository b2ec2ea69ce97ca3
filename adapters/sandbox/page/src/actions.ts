// What a person can do, as calls of the doors. A failure becomes a notice at the foot of the page.
import { reactive, ref } from 'vue'
import type { Fault } from '../../parts.ts'
import { toBase64 } from './desk/voice-sample.ts'
import { type DoorError, getDoor, postDoor } from './doors.ts'
import { refreshDesk, refreshPhone, refreshRest } from './live.ts'
import { chosen, customers, faults, loadPhone, offsetMs, puente } from './state.ts'

export const notices = reactive<{ id: number; text: string; tone: 'error' | 'info' }[]>([])
export const busy = ref(0)
let lastNotice = 0

export function notify(text: string, tone: 'error' | 'info' = 'info'): void {
  const id = ++lastNotice
  notices.push({ id, text, tone })
  if (notices.length > 3) notices.shift()
  setTimeout(() => dismiss(id), tone === 'error' ? 9000 : 6000)
}

export function dismiss(id: number): void {
  const at = notices.findIndex(notice => notice.id === id)
  if (at >= 0) notices.splice(at, 1)
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  busy.value++
  try {
    return await work()
  } catch (error) {
    notify(`${what}: ${(error as DoorError).message}`, 'error')
    return undefined
  } finally {
    busy.value--
  }
}

export async function say(fields: Record<string, unknown>): Promise<void> {
  await attempt('Could not write', () =>
    postDoor('/__say', { customer: chosen.customerId, number: chosen.numberId, ...fields })
  )
  refreshPhone()
}

/** What a sample needs beside its kind, so that it reads like something a customer would send. */
const sampleFields: Record<string, Record<string, unknown>> = {
  image: { text: 'A picture from my phone' },
  referral: { text: 'Hello! I saw your advertisement.' },
  forwarded: { text: 'The shop opens at nine.' },
  group: { text: 'Hello from the group' },
  unsupported: { subtype: 'poll_creation' }
}

export const saySample = (kind: string, quotedId?: string): Promise<void> =>
  say({ type: kind, ...sampleFields[kind], ...(quotedId ? { context: quotedId } : {}) })

/** `fields.act` names what an agent does; the answer is undefined when it failed. */
export async function act<T>(what: string, fields: { act: string } & Record<string, unknown>): Promise<T | undefined> {
  const answer = await attempt(what, () => postDoor<T>('/__act', fields))
  refreshDesk()
  return answer
}

async function readFile(file: File): Promise<{ name: string; type: string; base64: string }> {
  return { name: file.name, type: file.type, base64: toBase64(new Uint8Array(await file.arrayBuffer())) }
}

export interface Answer {
  conversationId: number
  content: string
  private?: boolean
  inReplyTo?: number
  templateParams?: unknown
}

export async function reply(answer: Answer, files: File[] = []): Promise<void> {
  await attempt('Could not send', async () => {
    const attachments = await Promise.all(files.map(readFile))
    return postDoor('/__reply', { ...answer, ...(attachments.length ? { attachments } : {}) })
  })
  refreshDesk()
}

/** Habits of a customer's phone: whether it tells what was read, whether it can be reached. */
export async function setCustomer(fields: { receipts?: 'on' | 'off'; phone?: 'on' | 'off' }): Promise<void> {
  await attempt('Could not change the phone', () =>
    postDoor('/__graph', { customers: [{ id: chosen.customerId, ...fields }] })
  )
  refreshPhone()
}

export async function setFaults(list: Fault[]): Promise<void> {
  await attempt('Could not set the faults', () => postDoor('/__faults', list))
  refreshRest()
}

export const clearFaults = (): Promise<void> => setFaults([])
export const currentFaults = (): Fault[] => faults.value

export async function jump(ms: number): Promise<void> {
  const answer = await attempt('Could not move the clock', () =>
    postDoor<{ offsetMs: number }>('/__clock', { jumpMs: ms })
  )
  if (answer) offsetMs.value = answer.offsetMs
  refreshPhone()
  refreshDesk()
}

export async function stopPuente(): Promise<void> {
  const answer = await attempt('Could not stop Puente', () => postDoor<unknown>('/__stop', {}))
  if (answer === undefined) return
  puente.state = 'down'
  puente.detail = 'Stopped by hand'
}

const connectMs = 30_000

export async function resetSandbox(): Promise<void> {
  const before = puente.state
  await attempt('Could not reset', () => postDoor<unknown>('/__reset', { instance: 'new' }))
  // What a customer writes before Puente has connected the new number reaches nobody.
  if (before === 'up') await attempt('Could not ask how Puente is', untilConnected)
  location.reload()
}

async function untilConnected(): Promise<void> {
  const endsAt = Date.now() + connectMs
  while (Date.now() < endsAt) {
    const { state } = await getDoor<{ state: string }>('/__puente')
    if (state !== 'starting') return
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

/** Whoever is added says hello and is the one whose phone is looked at. */
export async function addCustomer(name: string, phone: string): Promise<void> {
  await say({ customer: phone, name, type: 'text', text: 'Hello!' })
  await loadPhone()
  const digits = phone.replace(/\D/g, '')
  const added = customers.value.find(one => one.phone.replace(/\D/g, '') === digits)
  if (added) chosen.customerId = added.id
}
