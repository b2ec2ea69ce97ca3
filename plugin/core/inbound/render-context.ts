/** What rendering is handed in, and what its parts hand to each other. */
import { displayName } from '../identity.ts'
import type { CustomerIds, DraftFile, InboundMessage } from '../model.ts'
import { type Locale, text } from '../texts/text.ts'
import { hasVisible } from './render-words.ts'

export interface RenderContext {
  locale: Locale
  /** The contact's name in the desk; without it the profile name is used. */
  customerName?: string
  /** A short plain text of the message with this wamid ("Where is my order?", "Picture"), when it is known. */
  quotedText?: (wamid: string) => string | undefined
  /** Whether a message that the customer deleted stays in the desk. */
  deletionPolicy: 'keep' | 'hide'
  /** Whether rows name their writer; by default they do in groups. */
  showCustomerName?: boolean
  /** IANA zone for times in rows; UTC when the desk's is not known. */
  timeZone?: string
}

export type Marker = Record<string, string | number | boolean>

/** The inside of a row: Markdown blocks, files, and what the marker shall say of it. */
export interface Rendered {
  blocks: string[]
  files: DraftFile[]
  marker: Marker
}

/** A row that is a grey line: plain text, no files. */
export interface GreyLine {
  line: string
  marker: Marker
  hides?: string
}

export function blocks(...lines: string[]): Rendered {
  return { blocks: lines, files: [], marker: {} }
}

/** How a customer is called in a row. In a group it is the writer, not the contact (which stands for the group). */
export function nameOf(ids: CustomerIds, context: RenderContext, inGroup = false): string {
  const contact = inGroup ? '' : (context.customerName ?? '').trim()
  if (contact !== '') return contact
  // An id says nothing to a person who reads a sentence.
  return hasVisible(ids.name) || ids.username || ids.waId ? displayName(ids) : text(context.locale, 'render.customer')
}

/** Who did something: the customer, or for an echo the business. */
export function actorOf(message: InboundMessage, context: RenderContext, echo: boolean): string {
  if (echo) return text(context.locale, 'render.business')
  return nameOf(message.customer, context, message.groupId !== undefined)
}
