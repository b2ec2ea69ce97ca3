/**
 * Proves both directions. The desk's: a sign that nobody sees, or a private note that is removed, comes back through the
 * signed hook. WhatsApp's: a person sends a shown code, it arrives in the desk, and the answer written there gets a
 * status. What cannot be proven yet leaves the number connected but unproven.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import type { Connections } from '../../adapters/postgres/connections.ts'
import type { CheckResult } from '../checks/check.ts'
import { fail, ok, warn } from '../checks/check.ts'
import { signThroughHook } from '../checks/hook-sign.ts'
import { attempt } from '../checks/read.ts'
import type { HelpDesk } from '../core/ports/help-desk.ts'
import { type Locale, text } from '../core/texts/text.ts'
import type { Ground } from './ground.ts'

export interface ProbeDeps {
  connections: Connections
  numberId: number
  inboxId: number
  locale: Locale
  /** How long to wait for the note to come back. */
  noteMs?: number
}

const NOTE_MS = 15_000
const LOOK_EVERY_MS = 250
const DESK_LOOK_EVERY_MS = 2_000
/** What the mark of a probe note says, in the hook too. */
export const PROBE_KIND = 'probe'

/**
 * In a conversation of today by a sign that leaves nothing; where there is none, or it does not come, by a note. Only an
 * administrator may remove the note's contact and conversation again: for anybody else it waits for the first answer.
 */
export async function proveHook(
  ground: Ground,
  deps: ProbeDeps,
  { mayDelete, isNew }: { mayDelete: boolean; isNew: boolean }
): Promise<CheckResult> {
  const id = 'proof.hook'
  const patienceMs = deps.noteMs ?? NOTE_MS
  const asked = { desk: createChatwootDesk({ http: ground.http }), connections: deps.connections, patienceMs }
  const number = { id: deps.numberId, inboxId: deps.inboxId, access: ground.desk }
  const sign = isNew && mayDelete ? null : await signThroughHook(asked, number)
  if (sign?.kind === 'arrived') return ok(id, `A hook of Chatwoot arrived after ${sign.ms} ms.`)
  if (mayDelete) return probeHook(ground, deps)
  if (sign?.kind === 'silent') {
    const says = `No hook of Chatwoot arrived within ${Math.round(patienceMs / 1000)} s.`
    return fail(id, says, 'Look at what puente doctor says of the hook, mend it, then run connect again.')
  }
  const says =
    "Whether hooks arrive could not be tried: nobody wrote today, and the note takes an administrator's token."
  return warn(id, says, 'It is proven as soon as an agent answers a customer; `puente status` tells.')
}

/** Writes a private note into a conversation of its own, waits for its hook, and removes both. */
async function probeHook(ground: Ground, deps: ProbeDeps): Promise<CheckResult> {
  const id = 'proof.hook'
  const { account, desk: access } = ground
  const desk = createChatwootDesk({ http: ground.http })
  const probe = randomUUID()
  const sourceId = `puente-probe-${probe}`
  const contact = await attempt(() => desk.createContact(access, { inboxId: deps.inboxId, sourceId, name: 'Puente' }))
  if (!contact.ok) throw contact.error
  const { contactId } = contact.value
  try {
    const note = {
      type: 'outgoing' as const,
      private: true,
      content: text(deps.locale, 'connect.probe_note'),
      attributes: { puente: { kind: PROBE_KIND, id: probe } }
    }
    const made = await desk.createConversation(access, { inboxId: deps.inboxId, contactId, sourceId, row: note })
    try {
      const end = performance.now() + (deps.noteMs ?? NOTE_MS)
      while (performance.now() < end) {
        if (await deps.connections.heardProbe(deps.numberId, probe)) {
          return ok(id, 'A private note came back through the hook: Chatwoot reaches Puente.')
        }
        await sleep(LOOK_EVERY_MS)
      }
      return fail(id, await whyNot(desk, ground, made), 'Mend it, then run connect again.')
    } finally {
      await attempt(() => account.remove(access, 'conversations', made.conversationId))
    }
  } finally {
    await attempt(() => account.remove(access, 'contacts', contactId))
  }
}

/** The desk paints a message failed when its hook was not taken, and says why (CW-REACH). */
async function whyNot(
  desk: HelpDesk,
  ground: Ground,
  made: { conversationId: number; messageId: number | null }
): Promise<string> {
  const row = await attempt(async () =>
    made.messageId === null ? null : desk.readMessage(ground.desk, made.conversationId, made.messageId)
  )
  const told = row.ok ? row.value?.attributes['external_error'] : undefined
  const reason = typeof told === 'string' && told !== '' ? ` Chatwoot says: ${told.slice(0, 200)}` : ''
  return `The private note did not come back through the hook.${reason}`
}

export interface PhoneProbe {
  /** What a person sends from any phone. */
  code: string
  /** Resolves when the answer got its status, when the time is over, or when `stop` was called. */
  wait(waitMs: number): Promise<CheckResult>
  stop(): void
}

/** Begins to wait for a message with a code; the answer is written in the desk, so that it goes the whole way. */
export function openPhoneProbe(ground: Ground, deps: ProbeDeps): PhoneProbe {
  const id = 'proof.phone'
  const code = `Puente ${randomInt(1000, 10_000)}`
  const desk = createChatwootDesk({ http: ground.http })
  const startedAt = Date.now()
  let stopped = false
  const later = 'It is proven as soon as a customer writes and an agent answers; `puente status` tells.'

  async function findCode(): Promise<number | null> {
    const newest = await desk.listConversations(ground.desk, deps.inboxId, 1)
    for (const conversation of newest) {
      if (conversation.lastActivityAt.getTime() < startedAt - 60_000) continue
      // The newest row and a few before it are enough: the code was sent a moment ago.
      const after = Math.max(0, (conversation.lastMessageId ?? 0) - 50)
      const messages = await desk.listMessagesAfter(ground.desk, conversation.id, after)
      const fresh = messages.filter(
        message => message.type === 'incoming' && message.createdAt.getTime() >= startedAt - 60_000
      )
      if (fresh.some(message => holdsCode(message.content, code))) return conversation.id
    }
    return null
  }

  return {
    code,
    stop() {
      stopped = true
    },
    async wait(waitMs) {
      const end = performance.now() + waitMs
      const over = (): boolean => stopped || performance.now() > end
      let conversationId: number | null = null
      while (conversationId === null) {
        if (over()) return warn(id, 'Nobody sent the code: connected, but unproven.', later)
        const found = await attempt(findCode)
        conversationId = found.ok ? found.value : null
        if (conversationId === null) await sleep(DESK_LOOK_EVERY_MS)
      }
      const content = text(deps.locale, 'connect.probe_answer')
      const { messageId } = await desk.createMessage(ground.desk, conversationId, { type: 'outgoing', content })
      for (;;) {
        const answer = await deps.connections.readAnswer(deps.numberId, messageId)
        if ((answer?.rank ?? 0) > 0 && answer?.state !== 'failed') {
          return ok(id, 'The code arrived, and the answer to it was delivered to WhatsApp: both directions work.')
        }
        if (answer?.state === 'failed') {
          return fail(
            id,
            'The code arrived, but WhatsApp refused the answer.',
            'See why in the conversation in Chatwoot.'
          )
        }
        if (over()) {
          const says = 'The code arrived, but no status of the answer came back.'
          return warn(id, says, 'Check that the app is subscribed to the field messages, and is live at Meta.')
        }
        await sleep(LOOK_EVERY_MS)
      }
    }
  }
}

function holdsCode(content: string | null, code: string): boolean {
  const plain = (value: string): string => value.toLowerCase().replace(/[^a-z0-9]/g, '')
  return plain(content ?? '').includes(plain(code))
}
