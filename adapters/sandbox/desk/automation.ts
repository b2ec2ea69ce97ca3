/**
 * Automation rules as far as a channel meets them (contract §8): on a new conversation or message, conditions on inbox
 * and status, actions that label, write, note, resolve or post an unsigned webhook. Leaves out every other condition
 * and action: a rule with one of those never fires.
 */
import type { Context } from './context.ts'
import type { DeskEvent } from './hooks.ts'
import type { Conversation, Hash } from './records.ts'

const EVENTS = new Set(['conversation_created', 'conversation_updated', 'message_created'])
const DELAY_MS = 20
const BY = 'Automation System'

export function createAutomation(ctx: Context, later: (ms: number, then: () => void) => void) {
  function conversationOf(event: DeskEvent): Conversation | undefined {
    if ('conversation' in event) return ctx.store.conversations.get(event.conversation.id)
    return 'message' in event ? ctx.store.conversations.get(event.message.conversationId) : undefined
  }

  function run(rule: Hash, row: Conversation): void {
    for (const action of listOf(rule['actions'])) {
      const params = Array.isArray(action['action_params']) ? action['action_params'].map(String) : []
      switch (action['action_name']) {
        case 'add_label':
          ctx.conversations.setLabels(row, [...row.labels, ...params], BY)
          break
        case 'remove_label':
          ctx.conversations.setLabels(
            row,
            row.labels.filter(label => !params.includes(label)),
            BY
          )
          break
        case 'send_message':
        case 'add_private_note':
          ctx.messages.create(row, {
            type: 1,
            content: params[0] ?? '',
            private: action['action_name'] === 'add_private_note',
            contentAttributes: { automation_rule_id: rule['id'] }
          })
          break
        case 'resolve_conversation':
          ctx.conversations.setStatus(row, 'resolved', BY)
          break
        case 'send_webhook_event':
          if (params[0]) ctx.hooks.postTo(params[0], `automation_event.${String(rule['event_name'])}`, row)
          break
        default:
          break
      }
    }
  }

  return {
    heard(event: DeskEvent): void {
      if (!EVENTS.has(event.event) || ctx.store.settings.automation_rules.size === 0) return
      // What a rule wrote sets off no rule.
      if ('message' in event && event.message.contentAttributes['automation_rule_id']) return
      later(DELAY_MS, () => {
        const row = conversationOf(event)
        if (row === undefined) return
        for (const { row: rule } of [...ctx.store.settings.automation_rules.values()]) {
          const wanted = rule['active'] !== false && rule['event_name'] === event.event
          if (wanted && fits(row, listOf(rule['conditions']))) run(rule, row)
        }
      })
    }
  }
}

function fits(row: Conversation, conditions: Hash[]): boolean {
  const values: Record<string, string> = { inbox_id: String(row.inboxId), status: row.status }
  let result = true
  let join = 'and'
  for (const condition of conditions) {
    const value = values[String(condition['attribute_key'])]
    if (value === undefined) return false
    const named = Array.isArray(condition['values']) && condition['values'].map(String).includes(value)
    const one = condition['filter_operator'] === 'not_equal_to' ? !named : named
    result = join === 'or' ? result || one : result && one
    join = String(condition['query_operator'] ?? 'and').toLowerCase()
  }
  return result
}

function listOf(value: unknown): Hash[] {
  return Array.isArray(value) ? (value as Hash[]) : []
}
