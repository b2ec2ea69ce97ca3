/**
 * One message of a customer (or an echo of the business's own) as rows for the desk. Decides what stands around the
 * content: who wrote in a group, forwarded, edited, the ad, the product, what was answered, what WhatsApp reports.
 */
import type { DeskDraft, InboundContent, InboundMessage } from '../model.ts'
import { formatMoment } from '../texts/format.ts'
import { text } from '../texts/text.ts'
import {
  describeAutomaticPermission,
  describeIdentityChange,
  describeNumberChange,
  describeReaction,
  describeRevoke,
  describeSystem
} from './render-activity.ts'
import { actorOf, blocks, type GreyLine, type Marker, type RenderContext, type Rendered } from './render-context.ts'
import { renderForm } from './render-form.ts'
import { renderMedia, renderTyped } from './render-media.ts'
import { renderOrder, renderProductEnquiry } from './render-order.ts'
import { renderContacts, renderLocation } from './render-people.ts'
import { renderReferral } from './render-referral.ts'
import { renderFailure, renderUnknown, renderUnsupported } from './render-unsupported.ts'
import { bold, hasVisible, inline, joinBlocks, lines, mark, neutraliseLiquid, shorten } from './render-words.ts'

export function renderMessage(message: InboundMessage, context: RenderContext, echo: boolean): DeskDraft[] {
  const base: Marker = { wamid: message.wamid, kind: message.content.kind, at: message.at.toISOString() }
  if (echo) base.echo = true
  if (message.standby) base.standby = true
  const grey = describe(message, context, echo)
  if (grey !== undefined) {
    const draft: DeskDraft = { type: 'activity', content: grey.line, files: [], marker: { ...base, ...grey.marker } }
    if (grey.hides !== undefined) draft.hides = grey.hides
    return [draft]
  }
  return renderRows(message, context, echo, base)
}

/** The grey line of a message that says nothing of its own, or undefined for one that does. */
function describe(message: InboundMessage, context: RenderContext, echo: boolean): GreyLine | undefined {
  const { content } = message
  const who = actorOf(message, context, echo)
  switch (content.kind) {
    case 'reaction':
      return describeReaction(content, who, context)
    case 'revoke':
      return describeRevoke(content, who, context)
    case 'number_changed':
      return describeNumberChange(content, who, context.locale)
    case 'identity_changed':
      return describeIdentityChange(who, context.locale)
    case 'system':
      return describeSystem(content, context.locale)
    case 'call_permission':
      return content.automatic ? describeAutomaticPermission(who, context.locale) : undefined
    default:
      return undefined
  }
}

function renderRows(message: InboundMessage, context: RenderContext, echo: boolean, base: Marker): DeskDraft[] {
  const { locale } = context
  const { content, quoted, referral, failures } = message
  const main = renderContent(content, context)
  const ad = referral === undefined ? undefined : renderReferral(referral, context)
  // The ad's picture beside the customer's own would be taken for one of theirs: then the ad gets a row of its own.
  const apart = ad !== undefined && ad.files.length > 0 && main.files.length > 0

  const head = renderHead(message, context, echo)
  const tail: string[] = []
  if (quoted?.product !== undefined) tail.push(renderProductEnquiry(quoted.product, context))
  if (content.kind === 'choice') tail.push(...renderQuestion(quoted?.wamid, context))
  if (content.kind !== 'unsupported') tail.push(...failures.map(failure => renderFailure(locale, failure)))
  if (message.standby) tail.push(mark('👀', text(locale, 'render.standby')))

  const own = [...head, ...(ad === undefined || apart ? [] : ad.blocks), ...main.blocks, ...tail]
  const files = [...(ad === undefined || apart ? [] : ad.files), ...main.files]
  const quotes = content.kind === 'edit' ? content.target : quoted?.wamid
  const marker: Marker = { ...base, ...(apart ? {} : ad?.marker), ...main.marker }
  if (message.forwarded !== undefined) marker.forwarded = message.forwarded

  const drafts = [finish({ blocks: own, files, marker }, context, echo, referral?.clickId, quotes)]
  if (apart) {
    const row = { blocks: ad.blocks, files: ad.files, marker: { ...base, ...ad.marker, kind: 'referral' } }
    drafts.unshift(finish(row, context, echo, referral?.clickId))
  }
  return drafts
}

function finish(
  rendered: Rendered,
  { locale }: RenderContext,
  echo: boolean,
  clickId: string | undefined,
  quotes?: string
): DeskDraft {
  let content = joinBlocks(rendered.blocks, text(locale, 'render.cut'))
  if (!hasVisible(content) && rendered.files.length === 0) content = text(locale, 'render.empty')
  const draft: DeskDraft = {
    type: echo ? 'outgoing' : 'incoming',
    content: echo ? neutraliseLiquid(content) : content,
    files: rendered.files,
    marker: rendered.marker
  }
  if (quotes !== undefined && quotes !== '') draft.quotes = quotes
  if (echo) draft.externalEcho = true
  if (clickId !== undefined) draft.clickId = clickId
  return draft
}

/** Who wrote (in groups), and what happened to the message on its way. */
function renderHead(message: InboundMessage, context: RenderContext, echo: boolean): string[] {
  const { locale } = context
  const head: string[] = []
  const named = context.showCustomerName ?? message.groupId !== undefined
  if (named && !echo) head.push(bold(actorOf(message, context, echo)))
  if (message.forwarded === 'once') head.push(mark('↪️', text(locale, 'render.forwarded')))
  if (message.forwarded === 'often') head.push(mark('↪️↪️', text(locale, 'render.forwarded_often')))
  if (message.content.kind === 'edit') head.push(mark('✏️', text(locale, 'render.edited')))
  return head
}

/** What a choice answers, when the question is known: a title such as "Yes" means nothing without it. */
function renderQuestion(wamid: string | undefined, context: RenderContext): string[] {
  const question = wamid === undefined ? undefined : context.quotedText?.(wamid)
  if (!hasVisible(question)) return []
  return [`↩️ ${text(context.locale, 'render.answer_to', { text: inline(shorten(question, 160)) })}`]
}

function renderContent(content: InboundContent, context: RenderContext): Rendered {
  const { locale } = context
  switch (content.kind) {
    case 'text':
      return hasVisible(content.body) ? blocks(...renderTyped(content.body)) : blocks(text(locale, 'render.empty'))
    case 'media':
      return renderMedia(content, context)
    case 'location':
      return renderLocation(content, context)
    case 'contacts':
      return renderContacts(content.cards, context)
    case 'choice':
      return renderChoice(content, context)
    case 'form':
      return renderForm(content, context)
    case 'call_permission':
      return renderCallPermission(content, context)
    case 'order':
      return renderOrder(content, context)
    case 'edit':
      return renderEdit(content, context)
    case 'unsupported':
      return renderUnsupported(content, context)
    case 'unknown':
      return renderUnknown(content.type, context)
    default:
      // Only inside an edit: WhatsApp edits texts and captions, and nothing that has a grey line.
      return renderUnknown(content.kind, context)
  }
}

function renderChoice(choice: InboundContent & { kind: 'choice' }, { locale }: RenderContext): Rendered {
  const title = hasVisible(choice.title) ? bold(choice.title) : text(locale, 'render.empty')
  const rendered = blocks(hasVisible(choice.description) ? `${title}\n${lines(choice.description)}` : title)
  rendered.marker.via = choice.via
  if (choice.id !== undefined) rendered.marker.choice = choice.id
  return rendered
}

function renderCallPermission(
  permission: InboundContent & { kind: 'call_permission' },
  { locale, timeZone }: RenderContext
): Rendered {
  const { accepted, permanent, expiresAt } = permission
  const rendered = blocks(
    !accepted
      ? `🚫 ${text(locale, 'render.call_permission.rejected')}`
      : permanent
        ? `✅ ${text(locale, 'render.call_permission.permanent')}`
        : expiresAt === undefined
          ? `✅ ${text(locale, 'render.call_permission.accepted')}`
          : `✅ ${text(locale, 'render.call_permission.until', { until: formatMoment(locale, expiresAt, timeZone) })}`
  )
  rendered.marker.accepted = accepted
  return rendered
}

/** The new text. WhatsApp edits texts and captions only, so a picture that the desk has is not shown again. */
function renderEdit(edit: InboundContent & { kind: 'edit' }, context: RenderContext): Rendered {
  const inner = renderContent(edit.content, context)
  const marker: Marker = { ...inner.marker, target: edit.target }
  const isKnown = context.quotedText?.(edit.target) !== undefined
  if (edit.content.kind !== 'media' || !isKnown) return { ...inner, marker }
  const caption = renderTyped(edit.content.media.caption)
  return {
    blocks: caption.length > 0 ? caption : [text(context.locale, 'render.edited_empty')],
    files: [],
    marker
  }
}
