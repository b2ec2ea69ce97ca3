/**
 * What WhatsApp does not pass on (S87, S90, S91) and what this version does not know: named in the desk's language, with
 * what the agent can do. Written as ordinary content, since the desk's own mark for it hides the text.
 */
import type { MetaFailure } from '../model.ts'
import { findText, type Locale, text } from '../texts/text.ts'
import { blocks, type RenderContext, type Rendered } from './render-context.ts'
import { clip, hasVisible, inline } from './render-words.ts'

/** Meta could not fetch the customer's file: over 100 MB, or damaged (contract §3). */
const MEDIA_NOT_FETCHED = 131052
/** Meta had a fault of its own, mostly with interactive answers. */
const SOMETHING_WRONG = 131000
/** Codes whose own words would add nothing to ours. */
const PLAIN_CODES = new Set([131051, MEDIA_NOT_FETCHED, SOMETHING_WRONG])

export function renderUnsupported(
  content: { subtype?: string; failures: readonly MetaFailure[] },
  { locale }: RenderContext
): Rendered {
  const { subtype, failures } = content
  const rendered = blocks(`⚠️ ${nameUnsupported(locale, subtype, failures)}`)
  for (const failure of failures) {
    if (!PLAIN_CODES.has(failure.code)) rendered.blocks.push(renderFailure(locale, failure))
  }
  if (subtype !== undefined) rendered.marker.subtype = clip(subtype, 60)
  const code = failures[0]?.code
  if (code !== undefined) rendered.marker.error = code
  return rendered
}

function nameUnsupported(locale: Locale, subtype: string | undefined, failures: readonly MetaFailure[]): string {
  if (failures.some(failure => failure.code === MEDIA_NOT_FETCHED)) return text(locale, 'unsupported.too_large')
  const broken = failures.some(failure => failure.code === SOMETHING_WRONG)
  if (!hasVisible(subtype)) return text(locale, broken ? 'unsupported.errors' : 'unsupported.unnamed')
  // Only Meta's subtypes have sentences of their own; the last few keys are ours.
  const known = OURS.has(subtype) ? undefined : findText(locale, `unsupported.${subtype}`)
  return known ?? text(locale, 'unsupported.other', { kind: inline(clip(subtype, 60)) })
}

const OURS = new Set(['too_large', 'unnamed', 'other', 'unknown', 'unrenderable'])

/** A type that has no meaning to this version, by Meta's own word for it. */
export function renderUnknown(type: string, { locale }: RenderContext): Rendered {
  const kind = hasVisible(type) ? inline(clip(type, 60)) : '?'
  const rendered = blocks(`⚠️ ${text(locale, 'unsupported.unknown', { kind })}`)
  rendered.marker.type = clip(type, 60)
  return rendered
}

/** Meta's own words about a failure, for a message that otherwise arrived. */
export function renderFailure(locale: Locale, failure: MetaFailure): string {
  const words = failure.details ?? failure.message ?? failure.title ?? ''
  return `⚠️ ${text(locale, 'render.reported', { text: `${inline(words)} (${failure.code})`.trim() })}`
}
