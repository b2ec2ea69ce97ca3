/**
 * What a desk message becomes at WhatsApp: texts split, several files in order with the words on the first that can
 * carry a caption, choices as buttons or a list, templates. Pure; files are still at the desk.
 */
import { planMedia } from '../capabilities.ts'
import { PuenteError } from '../errors.ts'
import { splitText } from '../markup/split.ts'
import { toWhatsApp } from '../markup/to-whatsapp.ts'
import type { ComposedPart, MediaKind, TemplateMessage } from '../model.ts'
import type { DeskFile, DeskHook } from '../ports/help-desk.ts'
import { RULES } from '../rules.ts'
import type { FileRef, InstructedPart, TemplateUpload } from '../talk/instruction.ts'
import type { TemplateLink } from './template.ts'

export type PlannedPart =
  | { kind: 'text'; body: string }
  | { kind: 'file'; file: DeskFile; caption?: string; voiceHint: boolean }
  | { kind: 'choices'; body: string; choices: { id: string; title: string }[]; listLabel: string }
  | { kind: 'template'; template: TemplateMessage; uploads?: TemplateUpload[]; links?: TemplateLink[] }
  /** A file that an instruction names, wherever it lies. */
  | {
      kind: 'instructed_file'
      file: FileRef
      as: 'media' | 'sticker' | 'voice'
      linkType?: MediaKind
      caption?: string
    }
  | ComposedPart

type MessageHook = Extract<DeskHook, { kind: 'message' }>

/** Files that Chatwoot only points at (locations, contacts) have no bytes to send. */
const WITH_BYTES = new Set(['image', 'audio', 'video', 'file'])
/** The desk's recorder names its files by a UUID and says nothing else about them (contract §5.2). */
const RECORDED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.(mp3|ogg|oga|wav|m4a|webm)$/i

/** Fails with `nothing_to_send`, `wa_template_parameters`, `media_unsupported` or `media_too_large`. */
export function planMessage(hook: MessageHook, options: { listLabel: string }): PlannedPart[] {
  const { message } = hook
  if (hook.instruction !== undefined) return hook.instruction.parts.flatMap(planInstructed)
  const text = toWhatsApp(message.content ?? '').trim()
  const choices = readChoices(message.attributes, message.contentType)
  if (choices.length > 0 && text !== '' && text.length <= RULES.replyButtons.value.bodyLimit) {
    return [{ kind: 'choices', body: text, choices, listLabel: options.listLabel }]
  }
  const files = message.files.filter(file => WITH_BYTES.has(file.type))
  const parts: PlannedPart[] = []
  let words = text
  if (files.length > 0) {
    const carrier = files.find(file => canCarry(file, words))
    // Words that no file can carry go before the files, as the agent saw them above.
    if (words !== '' && carrier === undefined) {
      parts.push(...texts(words))
      words = ''
    }
    for (const file of files) {
      const voiceHint = files.length === 1 && text === '' && file.type === 'audio' && RECORDED.test(file.name)
      const caption = file === carrier && words !== '' ? words : undefined
      parts.push({ kind: 'file', file, caption, voiceHint })
    }
  } else {
    parts.push(...texts(words))
  }
  if (parts.length === 0) throw new PuenteError('nothing_to_send', { facts: { contentType: message.contentType } })
  return parts
}

function planInstructed(part: InstructedPart): PlannedPart[] {
  switch (part.kind) {
    case 'text':
      return texts(part.body)
    case 'file':
      return [{ kind: 'instructed_file', file: part.file, as: part.as, linkType: part.linkType, caption: part.caption }]
    case 'filled': {
      const { name, language, components, uploads } = part
      return [{ kind: 'template', template: { name, language, components }, uploads }]
    }
    case 'composed':
      return [part.part]
  }
}

function texts(words: string): PlannedPart[] {
  return words === '' ? [] : splitText(words, RULES.textLimit.value).map(body => ({ kind: 'text', body }))
}

function canCarry(file: DeskFile, words: string): boolean {
  const plan = planMedia({
    mime: file.mimeType ?? guessMime(file.type),
    sizeBytes: file.sizeBytes ?? 1,
    name: file.name
  })
  return !('refusal' in plan) && plan.captionLimit >= words.length
}

export function guessMime(type: string): string {
  return type === 'image' ? 'image/jpeg' : type === 'audio' ? 'audio/mpeg' : type === 'video' ? 'video/mp4' : ''
}

/** Items of an `input_select`: the desk shows only the content, WhatsApp gets the choices (CW-CHOICES). */
function readChoices(attributes: Record<string, unknown>, contentType: string): { id: string; title: string }[] {
  const items = attributes['items']
  if (contentType !== 'input_select' || !Array.isArray(items)) return []
  return items.flatMap(item => {
    const { title, value } = (item ?? {}) as { title?: unknown; value?: unknown }
    return typeof title === 'string' && title !== '' ? [{ id: String(value ?? title), title }] : []
  })
}
