/**
 * From an event to the posts it causes: waits, takes a background worker and its CPU, builds the payload from the
 * state of that moment, posts, and marks the message failed when the answer is not 2xx (contract §5, §13).
 */
import type { LedgerEntry, SandboxParts } from '../parts.ts'
import type { Cpu, Slots } from './cpu.ts'
import type { HookPoster, HookResult } from './hook-poster.ts'
import { railsJson } from './json.ts'
import type { Contact, Conversation, Hash, Message } from './records.ts'
import type { Shapes } from './shapes.ts'
import type { Store } from './store.ts'
import type { Dialect } from './versions.ts'

export type Changes = Record<string, [previous: unknown, current: unknown]>

export type DeskEvent =
  | { event: 'message_created' | 'message_updated'; message: Message; contentAttributes?: Hash }
  | { event: 'conversation_created' | 'conversation_status_changed'; conversation: Conversation }
  | { event: 'conversation_updated'; conversation: Conversation; changes: Changes }
  | {
      event: 'conversation_typing_on' | 'conversation_typing_off'
      conversation: Conversation
      user: Hash
      isPrivate: boolean
    }
  | { event: 'contact_created' | 'contact_updated'; contact: Contact; changes?: Changes }

export interface Hooks {
  emit(event: DeskEvent): void
  /** An unsigned post of a macro or an automation. */
  postTo(url: string, event: string, conversation: Conversation): void
  setDelayMs(ms: number): void
  /** Forgets what has not left yet. */
  clear(): void
  close(): void
}

export interface HookDeps {
  parts: SandboxParts
  store: Store
  shapes: Shapes
  cpu: Cpu
  workers: Slots
  poster: HookPoster
  dialect(): Dialect
  /** CPU of one background job, in milliseconds; 0 = free. */
  backgroundCostMs(): number
  /** The desk marks a message failed because its hook was not taken. */
  markFailed(message: Message, error: string): void
}

/** How long a reordered hook waits for another one to pass it. */
const REORDER_MS = 400

export function createHooks(deps: HookDeps): Hooks {
  const { parts, store, shapes, cpu, workers, poster } = deps
  let delayMs = 20
  let generation = 0
  const timers = new Set<NodeJS.Timeout>()
  const overtaken: (() => void)[] = []

  function later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, ms)
    timers.add(timer)
  }

  function targetsOf(event: DeskEvent): { url: string; secret: string; ofInbox: boolean }[] {
    const targets: { url: string; secret: string; ofInbox: boolean }[] = []
    const conversation = conversationOf(event)
    if (conversation) {
      const inbox = store.inboxes.get(conversation.inboxId)
      if (inbox?.webhookUrl) targets.push({ url: inbox.webhookUrl, secret: inbox.secret, ofInbox: true })
    }
    for (const { row } of store.settings.webhooks.values()) {
      if (!(row['subscriptions'] as string[]).includes(event.event)) continue
      targets.push({ url: String(row['url']), secret: String(row['secret']), ofInbox: false })
    }
    return targets
  }

  function conversationOf(event: DeskEvent): Conversation | undefined {
    if ('conversation' in event) return store.conversations.get(event.conversation.id)
    if ('message' in event) return store.conversations.get(event.message.conversationId)
    return undefined
  }

  /** The payload as the state is now; undefined when its rows have vanished, which discards the job. */
  function payloadOf(event: DeskEvent): Hash | undefined {
    if ('message' in event) {
      if (!store.messages.has(event.message.id)) return undefined
      const shape = shapes.messageWebhook(event.message)
      if (event.contentAttributes) shape['content_attributes'] = event.contentAttributes
      shape['event'] = event.event
      return shape
    }
    if ('contact' in event) {
      if (!store.contacts.has(event.contact.id)) return undefined
      const shape: Hash = { ...shapes.contactWebhook(event.contact), event: event.event }
      if (event.changes) shape['changed_attributes'] = changedAttributes(event.changes)
      return shape
    }
    if (!conversationOf(event)) return undefined
    const conversation = shapes.conversationWebhook(event.conversation)
    switch (event.event) {
      case 'conversation_typing_on':
      case 'conversation_typing_off':
        return { event: event.event, user: event.user, conversation, is_private: event.isPrivate }
      case 'conversation_updated':
        return { ...conversation, event: event.event, changed_attributes: changedAttributes(event.changes) }
      case 'conversation_status_changed':
        return { ...conversation, event: event.event, changed_attributes: null }
      default:
        return { ...conversation, event: event.event }
    }
  }

  function idsOf(event: DeskEvent): LedgerEntry['ids'] {
    if ('contact' in event) return { contactId: event.contact.id }
    const conversation = conversationOf(event)
    const ids: LedgerEntry['ids'] = { conversationId: conversation?.id ?? null }
    if ('message' in event) {
      ids['messageId'] = event.message.id
      ids['sourceId'] = event.message.sourceId
    }
    ids['contactSource'] = (conversation && store.contactInboxes.get(conversation.contactInboxId)?.sourceId) ?? null
    return ids
  }

  function emit(event: DeskEvent): void {
    const cost = 'message' in event ? deps.backgroundCostMs() : 0
    if (cost === 0 && targetsOf(event).length === 0) return
    const mine = generation
    later(delayMs, () => {
      workers.take(release => {
        if (mine !== generation) return release()
        cpu.run(cost, () => {
          if (mine === generation) deliver(event, release)
          else release()
        })
      })
    })
  }

  function deliver(event: DeskEvent, release: () => void): void {
    const targets = targetsOf(event)
    const payload = targets.length > 0 ? payloadOf(event) : undefined
    if (!payload) {
      release()
      return
    }
    const raw = railsJson(deps.dialect().tellsAccount ? payload : withoutAccount(payload))
    const ids = idsOf(event)
    let open = targets.length
    for (const target of targets) {
      send(
        event.event,
        raw,
        target,
        ids,
        result => {
          if (result.error !== undefined && target.ofInbox && 'message' in event)
            deps.markFailed(event.message, result.error)
        },
        () => {
          if (--open === 0) release()
        }
      )
    }
  }

  /** `outcome` tells what a post came to, `free` that the worker is free again. */
  function send(
    name: string,
    raw: string,
    target: { url: string; secret?: string },
    ids: LedgerEntry['ids'],
    outcome: (result: HookResult) => void,
    free: () => void
  ): void {
    const fault = parts.faults.take('hook:desk', name)
    const post = (text: string, then: () => void) => {
      const startedAt = performance.now()
      const timestamp = Math.floor(parts.clock.now() / 1000)
      const mine = generation
      const secret = deps.dialect().signsHooks ? (target.secret ?? null) : null
      poster.post({ url: target.url, secret, raw: text, timestamp }).then(result => {
        then()
        if (mine !== generation) return
        parts.ledger.add({
          side: 'desk',
          what: 'hook',
          name,
          ids,
          status: result.status,
          tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
          ...(fault ? { fault: fault.kind } : {})
        })
        outcome(result)
        overtaken.shift()?.()
      })
    }
    switch (fault?.kind) {
      case 'drop':
      case 'reset':
        parts.ledger.add({ side: 'desk', what: 'hook', name, ids, fault: fault.kind })
        free()
        return
      case 'duplicate':
        post(raw, free)
        post(raw, () => {})
        return
      case 'delay':
        // The job sleeps in its queue, so its worker is free meanwhile.
        free()
        later(fault.delayMs ?? 1000, () => post(raw, () => {}))
        return
      case 'reorder': {
        free()
        let gone = false
        const go = () => {
          if (gone) return
          gone = true
          post(raw, () => {})
        }
        overtaken.push(go)
        later(fault.delayMs ?? REORDER_MS, go)
        return
      }
      case 'garbage':
        post(raw.slice(0, raw.length >> 1), free)
        return
      default:
        post(raw, free)
    }
  }

  return {
    emit,
    postTo(url, event, conversation) {
      const mine = generation
      later(delayMs, () => {
        if (mine !== generation || !store.conversations.has(conversation.id)) return
        const payload = { ...shapes.conversationWebhook(conversation), event }
        send(
          event,
          railsJson(payload),
          { url },
          { conversationId: conversation.id },
          () => {},
          () => {}
        )
      })
    },
    setDelayMs(ms) {
      delayMs = ms
    },
    clear() {
      generation++
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      overtaken.length = 0
    },
    close() {
      this.clear()
      poster.close()
    }
  }
}

/** Conversations of early versions do not say whose account they are in; messages do, at the top. */
function withoutAccount(payload: Hash): Hash {
  const strip = ({ account: _, ...rest }: Hash): Hash => rest
  if ('conversation' in payload) return { ...payload, conversation: strip(payload['conversation'] as Hash) }
  return 'meta' in payload ? strip(payload) : payload
}

/** An array of one-key objects in the order of the columns (contract §5.2). */
function changedAttributes(changes: Changes): Hash[] {
  return Object.entries(changes).map(([key, [previous, current]]) => ({
    [key]: { previous_value: previous, current_value: current }
  }))
}
