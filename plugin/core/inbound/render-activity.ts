/**
 * What happened without anything being said: reactions, deletions, changed numbers, calls, groups, preferences (S88,
 * S89). Grey lines of plain text; they send no hook and mark nothing unread.
 */
import { displayName } from '../identity.ts'
import type { CallFact, CustomerIds, GroupFact, InboundContent } from '../model.ts'
import { formatDuration, formatList } from '../texts/format.ts'
import { type Locale, text } from '../texts/text.ts'
import { type GreyLine, nameOf, type RenderContext } from './render-context.ts'
import { hasVisible, plainLine } from './render-words.ts'

type Content<K extends InboundContent['kind']> = InboundContent & { kind: K }

/** Long enough to recognise a message by, short enough for one line. */
const TARGET_LENGTH = 80

function targetText(wamid: string, context: RenderContext): string | undefined {
  const known = context.quotedText?.(wamid)
  return hasVisible(known) ? plainLine(known, TARGET_LENGTH) : undefined
}

export function describeReaction(reaction: Content<'reaction'>, who: string, context: RenderContext): GreyLine {
  const { locale } = context
  const [name, target] = [plainLine(who, 120), targetText(reaction.target, context)]
  const marker = { target: reaction.target, removed: reaction.emoji === null }
  if (hasVisible(reaction.emoji)) {
    const emoji = plainLine(reaction.emoji, 12)
    const line =
      target === undefined
        ? text(locale, 'activity.reaction_unknown', { name, emoji })
        : text(locale, 'activity.reaction', { name, emoji, target })
    return { line, marker }
  }
  const line =
    target === undefined
      ? text(locale, 'activity.reaction_removed_unknown', { name })
      : text(locale, 'activity.reaction_removed', { name, target })
  return { line, marker }
}

export function describeRevoke(revoke: Content<'revoke'>, who: string, context: RenderContext): GreyLine {
  const { locale } = context
  const name = plainLine(who, 120)
  const marker = { target: revoke.target }
  if (context.deletionPolicy === 'hide') {
    // What is to be hidden must not be quoted either.
    return { line: text(locale, 'activity.revoked_unknown', { name }), marker, hides: revoke.target }
  }
  const known = targetText(revoke.target, context)
  const line =
    known === undefined
      ? text(locale, 'activity.revoked_unknown', { name })
      : text(locale, 'activity.revoked', { name, text: known })
  return { line, marker }
}

export function describeNumberChange(change: Content<'number_changed'>, who: string, locale: Locale): GreyLine {
  const name = plainLine(who, 120)
  const { from, to } = change
  const marker = { changed: 'number' }
  if (!to.waId || to.waId === from.waId) {
    return { line: text(locale, 'activity.user_id_changed', { name }), marker: { changed: 'user_id' } }
  }
  const next = '+' + to.waId
  const line = from.waId
    ? text(locale, 'activity.number_changed', { name, from: '+' + from.waId, to: next })
    : text(locale, 'activity.number_changed_to', { name, to: next })
  return { line, marker }
}

export function describeIdentityChange(who: string, locale: Locale): GreyLine {
  return {
    line: text(locale, 'activity.identity_changed', { name: plainLine(who, 120) }),
    marker: { changed: 'identity' }
  }
}

export function describeSystem(system: Content<'system'>, locale: Locale): GreyLine {
  const marker = { type: system.type.slice(0, 60) }
  return hasVisible(system.body)
    ? { line: text(locale, 'activity.system', { text: plainLine(system.body) }), marker }
    : { line: text(locale, 'activity.system_type', { type: plainLine(system.type, 60) }), marker }
}

export function describeAutomaticPermission(who: string, locale: Locale): GreyLine {
  return { line: text(locale, 'render.call_permission.automatic', { name: plainLine(who, 120) }), marker: {} }
}

export function describeCall(call: CallFact, context: RenderContext): GreyLine {
  const { locale } = context
  const name = plainLine(nameOf(call.customer, context), 120)
  const marker = { call: call.id, event: call.event.slice(0, 60) }
  return { line: describeCallEvent(call, name, locale), marker }
}

function describeCallEvent(call: CallFact, name: string, locale: Locale): string {
  const byCustomer = call.direction === 'customer'
  switch (call.event) {
    case 'connect':
      return text(locale, byCustomer ? 'activity.call_incoming' : 'activity.call_outgoing', { name })
    case 'terminate': {
      const seconds = call.durationSeconds ?? 0
      if (seconds > 0) return text(locale, 'activity.call_ended', { name, duration: formatDuration(seconds) })
      if (call.status === 'completed') return text(locale, 'activity.call_ended_unknown', { name })
      return text(locale, byCustomer ? 'activity.call_missed' : 'activity.call_failed', { name })
    }
    case 'ringing':
      return text(locale, 'activity.call_ringing', { name })
    case 'accepted':
      return text(locale, 'activity.call_accepted', { name })
    case 'rejected':
      return text(locale, 'activity.call_rejected', { name })
    default:
      return text(locale, 'activity.call_other', { name, event: plainLine(call.event, 60) })
  }
}

export function describeGroup(group: GroupFact, { locale }: RenderContext): GreyLine {
  return { line: describeGroupEvent(group, locale), marker: { group: group.groupId, type: group.type.slice(0, 60) } }
}

function describeGroupEvent(group: GroupFact, locale: Locale): string {
  const names = listNames(group.participants, locale)
  const subject = hasVisible(group.subject) ? plainLine(group.subject, 120) : undefined
  if (group.failed && group.type === 'group_create') {
    return subject === undefined
      ? text(locale, 'activity.group_create_failed')
      : text(locale, 'activity.group_create_failed_named', { subject })
  }
  // Where it failed for some people only, the line tells what happened to the others.
  if (group.failed && names === '') return text(locale, 'activity.group_failed')
  switch (group.type) {
    case 'group_create':
      return subject === undefined
        ? text(locale, 'activity.group_created')
        : text(locale, 'activity.group_created_named', { subject })
    case 'group_delete':
      return text(locale, 'activity.group_deleted')
    case 'group_participants_add':
      return names === '' ? text(locale, 'activity.group_members') : text(locale, 'activity.group_joined', { names })
    case 'group_participants_remove':
      return names === '' ? text(locale, 'activity.group_members') : text(locale, 'activity.group_left', { names })
    case 'group_join_request_created':
      return text(locale, 'activity.group_request', { names: names || text(locale, 'activity.group_someone') })
    case 'group_join_request_revoked':
      return text(locale, 'activity.group_request_revoked', { names: names || text(locale, 'activity.group_someone') })
    case 'group_settings_update':
      return subject === undefined
        ? text(locale, 'activity.group_settings')
        : text(locale, 'activity.group_renamed', { subject })
    case 'group_suspend':
      return text(locale, 'activity.group_suspended')
    case 'group_suspend_cleared':
      return text(locale, 'activity.group_restored')
    default:
      return text(locale, 'activity.group_other', { type: plainLine(group.type, 60) })
  }
}

function listNames(people: readonly CustomerIds[], locale: Locale): string {
  const names = people.slice(0, 20).map(person => plainLine(displayName(person), 60))
  if (people.length > 20) names.push('…')
  return formatList(locale, names)
}

export function describePreference(
  preference: { customer: CustomerIds; category: string; value: string },
  context: RenderContext
): GreyLine {
  const { locale } = context
  const name = plainLine(nameOf(preference.customer, context), 120)
  const { category, value } = preference
  const marker = { category: category.slice(0, 60), value: value.slice(0, 60) }
  if (category === 'marketing_messages') {
    if (value === 'stop') return { line: text(locale, 'activity.marketing_stopped', { name }), marker }
    if (value === 'resume') return { line: text(locale, 'activity.marketing_resumed', { name }), marker }
    if (value === 'signup') return { line: text(locale, 'activity.marketing_signup', { name }), marker }
  }
  const said = { name, category: plainLine(category, 60), value: plainLine(value, 60) }
  return { line: text(locale, 'activity.preference', said), marker }
}
