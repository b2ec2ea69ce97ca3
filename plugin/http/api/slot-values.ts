/**
 * From what an agent, a script or a hook gave for the slots of a template to the values of the template model: sources
 * resolved to text, files named and checked for the kind of slot they are meant for.
 */
import { PuenteError } from '../../core/errors.ts'
import type { FileRef } from '../../core/talk/instruction.ts'
import { uploadId } from '../../core/talk/instruction.ts'
import type { MediaValue, Slot, Values } from '../../core/templates/model.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { SlotSource, SlotValue, SlotValues, TemplateProblem } from '../contract/template.ts'

export interface ResolvedValues {
  values: Values
  uploads: { id: string; file: FileRef }[]
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
}

export interface FoundFile {
  ref: FileRef
  /** As what WhatsApp will take it. */
  sendsAs: string | null
}

const MEDIA = new Set(['image', 'video', 'document'])

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
      into.values[key] = { link: value.url, ...(value.name === undefined ? {} : { filename: value.name }) }
      into.fileNames.set(key, value.name ?? nameInUrl(value.url))
      return
    case 'upload':
    case 'library':
    case 'conversation_file':
      return resolveFile(key, slot, value, context, into)
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
  value: Extract<SlotValue, { kind: 'upload' | 'library' | 'conversation_file' }>,
  context: ValueContext,
  into: ResolvedValues
): Promise<void> {
  let found: FoundFile
  try {
    found = await context.findFile(value)
  } catch (error) {
    if (!(error instanceof PuenteError && error.code === 'not_found')) throw error
    into.problems.push(wrongFile(context.locale, key, slot?.kind ?? 'document'))
    return
  }
  const { ref, sendsAs } = found
  const fits = slot !== undefined && MEDIA.has(slot.kind) && (slot.kind === 'document' || sendsAs === slot.kind)
  if (!fits || ref.from === 'link') {
    into.problems.push(wrongFile(context.locale, key, slot?.kind ?? 'document'))
    return
  }
  const id = uploadId(into.uploads.length)
  into.uploads.push({ id, file: ref })
  const media: MediaValue = { mediaId: id, filename: ref.name }
  into.values[key] = media
  into.fileNames.set(key, ref.name)
}

function emptySource(locale: Locale, slot: Slot): TemplateProblem {
  const sentence = text(locale, 'tab.problem.source_empty', { label: slot.label })
  return { where: slot.id, code: 'source_empty', sentence, blocking: true }
}

function wrongFile(locale: Locale, key: string, kind: string): TemplateProblem {
  const kinds = { image: 'tab.picture', video: 'tab.video', document: 'tab.document' } as const
  const word = text(locale, kinds[kind as keyof typeof kinds] ?? 'tab.document')
  return { where: key, code: 'wrong_file', sentence: text(locale, 'tab.problem.file', { kind: word }), blocking: true }
}

function nameInUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || url
  } catch {
    return url
  }
}
