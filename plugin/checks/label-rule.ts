/** Recognises the automation rule that labels every new conversation of an inbox. Pure. */

export interface RuleRow {
  readonly [key: string]: unknown
}

/** True for a rule that works: one that is switched off labels nothing. */
export function labelsInbox(rule: RuleRow, inboxId: number, label: string): boolean {
  return rule['active'] !== false && isRuleFor(rule, inboxId, label)
}

/** The same, also when it is switched off. */
export function isRuleFor(rule: RuleRow, inboxId: number, label: string): boolean {
  const condition = firstOf(rule['conditions'])
  const action = firstOf(rule['actions'])
  return (
    rule['event_name'] === 'conversation_created' &&
    condition['attribute_key'] === 'inbox_id' &&
    listed(condition['values']).includes(String(inboxId)) &&
    action['action_name'] === 'add_label' &&
    listed(action['action_params']).includes(label)
  )
}

function firstOf(value: unknown): RuleRow {
  const first: unknown = Array.isArray(value) ? value[0] : undefined
  return typeof first === 'object' && first !== null ? (first as RuleRow) : {}
}

const listed = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
