/**
 * From what an agent, a script or a hook gave for the slots of a template to the values of the template model: sources
 * resolved to text, files named and checked for the kind of slot they are meant for.
 */
import { planAsDocument, planMedia } from '../../core/capabilities.ts'
import { PuenteError } from '../../core/errors.ts'
import { type FileRef, type TemplateUpload, uploadId } from '../../core/talk/instruction.ts'
import type { MediaFormat, MediaValue, Slot, Values } from '../../core/templates/model.ts'
import { describeProblem } from '../../core/templates/problems.ts'
import { explainError } from '../../core/texts/describe.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { SlotSource, SlotValue, SlotValues, TemplateProblem } from '../contract/template.ts'

export interface ResolvedValues {
  values: Values
  uploads: TemplateUpload[]
  problems: TemplateProblem[]
  /** File names by slot, for the preview. */
  fileNames: Map<string, string>
}

export interface ValueContext {
  slots: readonly Slot[]
  sources: readonly SlotSource[]
  locale: Locale
  /** Finds a file that the caller may use; fails with `not_found`. */
  findFile(value: Extract<SlotValue, { kind: 'upload' | 'library' | 'conversation_file' }>): Promise<FoundFile>
  /**
   * Fetches what lies at an address, fails with `media_…`. Left out while somebody still types: then only the shape of
   * the address is looked at.
   */
  fetchLink?(url: string, name: string | undefined): Promise<FoundFile>
}

export interface FoundFile {
  ref: FileRef
  /** As what WhatsApp will take it. */
  sendsAs: string | null
  /** What tells whether it fits; null for an address that WhatsApp fetches itself. */
  facts: { mime: string; sizeBytes: number; name: string } | null
}

export async function resolveValues(given: SlotValues, context: ValueContext): Promise<ResolvedValues> {
  const resolved: ResolvedValues = { values: {}, uploads: [], problems: [], fileNames: new Map() }
  for (const [key, value] of Object.entries(given)) {
    const slot = context.slots.find(candidate => candidate.id === key)
    await resolveOne(key, slot, value, context, resolved)
  }
  return resolved
}

async function resolveOne(
  key: string,
  slot: Slot | undefined,
  value: SlotValue,
  context: ValueContext,
  into: ResolvedValues
): Promise<void> {
  switch (value.kind) {
    case 'text':
      if (value.text.trim() !== '') into.values[key] = value.text
      return
    case 'source': {
      const found = context.sources.find(source => source.key === value.source)?.value ?? value.fallback ?? ''
      if (found.trim() !== '') into.values[key] = found
      else if (slot?.required === true) into.problems.push(emptySource(context.locale, slot))
      return
    }
    case 'url':
      if (context.fetchLink !== undefined && slot !== undefined && isMedia(slot.kind)) {
        return resolveFile(key, slot, () => context.fetchLink!(value.url, value.name), context, into)
      }
      into.values[key] = { link: value.url, ...(value.name === undefined ? {} : { filename: value.name }) }
      into.fileNames.set(key, value.name ?? nameInUrl(value.url))
      return
    case 'upload':
    case 'library':
    case 'conversation_file':
      return resolveFile(key, slot, () => context.findFile(value), context, into)
    case 'location': {
      const { latitude, longitude, name, address } = value
      into.values[key] = { latitude, longitude, name, address }
      return
    }
    case 'moment':
      into.values[key] = value.at
      return
    case 'product':
      into.values[key] = { productId: value.productId, catalogId: value.catalogId }
      return
    case 'products': {
      const first = value.sections[0]?.productIds[0] ?? ''
      into.values[key] = { thumbnailProductId: value.thumbnailId ?? first, sections: value.sections }
      return
    }
    case 'flow':
      into.values[key] = { token: value.token, data: value.data }
  }
}

async function resolveFile(
  key: string,
  slot: Slot | undefined,
  find: () => Promise<FoundFile>,
  context: ValueContext,
  into: ResolvedValues
): Promise<void> {
  const { locale } = context
  const refuse = (sentence: string, code = 'wrong_file'): void => {
    into.problems.push({ where: key, code, sentence, blocking: true })
  }
  if (slot === undefined || !isMedia(slot.kind)) return refuse(wrongFile(locale, 'document'))
  const { kind, label } = slot
  let found: FoundFile
  try {
    found = await find()
  } catch (error) {
    if (!(error instanceof PuenteError)) throw error
    if (error.code === 'not_found') return refuse(wrongFile(locale, kind))
    if (error.code !== 'media_origin' && error.code !== 'media_unfetched' && error.code !== 'media_too_large')
      throw error
    if (error.code === 'media_too_large') return refuse(explainError(locale, error.code), error.code)
    const code = error.code === 'media_origin' ? 'media_private' : 'media_address'
    return refuse(describeProblem(locale, { code, slot: key, label, facts: {} }), code)
  }
  const { ref, facts } = found
  if (facts === null || ref.from === 'link') return refuse(wrongFile(locale, kind))
  const plan = kind === 'document' ? planAsDocument(facts) : planMedia(facts)
  if ('refusal' in plan) return refuse(explainError(locale, plan.refusal), plan.refusal)
  if (plan.type !== kind) return refuse(wrongFile(locale, kind))
  const id = uploadId(into.uploads.length)
  into.uploads.push({ id, file: ref, format: kind, label })
  const media: MediaValue = { mediaId: id, filename: ref.name }
  into.values[key] = media
  into.fileNames.set(key, ref.name)
}

function isMedia(kind: string): kind is MediaFormat {
  return kind === 'image' || kind === 'video' || kind === 'document'
}

function emptySource(locale: Locale, slot: Slot): TemplateProblem {
  const sentence = text(locale, 'tab.problem.source_empty', { label: slot.label })
  return { where: slot.id, code: 'source_empty', sentence, blocking: true }
}

function wrongFile(locale: Locale, kind: MediaFormat): string {
  const words = { image: 'tab.picture', video: 'tab.video', document: 'tab.document' } as const
  return text(locale, 'tab.problem.file', { kind: text(locale, words[kind]) })
}

function nameInUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || url
  } catch {
    return url
  }
}
