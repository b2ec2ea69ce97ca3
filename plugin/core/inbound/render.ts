/**
 * Every inbound fact as rows for the desk (law 6: nothing is invisible). Pure; media are fetched, ids resolved and rows
 * written elsewhere. What concerns no conversation (statuses, account news, history) gives no row.
 */
import type { DeskDraft, InboundFact } from '../model.ts'
import { describeCall, describeGroup, describePreference } from './render-activity.ts'
import type { GreyLine, RenderContext } from './render-context.ts'
import { renderMessage } from './render-message.ts'

export type { RenderContext } from './render-context.ts'
export { type MediaFailureFacts, placeholderForMedia, placeholderForUnrenderable } from './render-media.ts'

/** The rows of a fact, in order. Never one with neither content nor file; never HTML. */
export function renderInbound(fact: InboundFact, context: RenderContext): DeskDraft[] {
  switch (fact.kind) {
    case 'message':
      return renderMessage(fact.message, context, false)
    case 'echo':
      return renderMessage(fact.message, context, true)
    case 'call':
      return [greyRow('call', fact.call.at, describeCall(fact.call, context))]
    case 'group':
      return [greyRow('group', fact.group.at, describeGroup(fact.group, context))]
    case 'preference':
      return [greyRow('preference', fact.at, describePreference(fact, context))]
    case 'status':
    case 'management':
    case 'history':
    case 'notice':
    case 'unknown':
      return []
  }
}

function greyRow(kind: string, at: Date, { line, marker }: GreyLine): DeskDraft {
  return { type: 'activity', content: line, files: [], marker: { kind, at: at.toISOString(), ...marker } }
}
