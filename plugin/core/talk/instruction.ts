/**
 * What somebody asked Puente to send (tab, REST, macro hook), kept before anything is done about it. It becomes one
 * row in the desk and one item of the customer's outbound lane, like any message that an agent writes in the desk.
 * Types only, plain JSON: it is stored sealed and travels in the lane's payload.
 */
import type { ComposedPart, MediaKind } from '../model.ts'
import type { MediaFormat, SendComponent } from '../templates/model.ts'

/** Rows that we write for an instruction carry this before its id as `source_id`. */
export const INSTRUCTION_SOURCE = 'puente.say.'

export function instructionSource(id: string): string {
  return `${INSTRUCTION_SOURCE}${id}`
}

export function isInstructionSource(sourceId: string | null): boolean {
  return sourceId?.startsWith(INSTRUCTION_SOURCE) === true
}

export type InstructionOrigin = 'tab' | 'api' | 'hook'

/** Where the bytes of a file are. `link`: WhatsApp fetches it by itself, Puente never does. */
export type FileRef =
  | { from: 'stored'; fileId: string; name: string; mimeType: string; sizeBytes: number }
  | { from: 'desk'; type: string; url: string; name: string; mimeType?: string; sizeBytes?: number }
  | { from: 'link'; url: string; name?: string }

export type InstructedPart =
  | { kind: 'text'; body: string }
  /** Ready as it is: nothing to fetch or upload. */
  | { kind: 'composed'; part: ComposedPart }
  | { kind: 'file'; file: FileRef; as: 'media' | 'sticker' | 'voice'; linkType?: MediaKind; caption?: string }
  /** `uploads`: ids that stand in the components until their file is uploaded. */
  | {
      kind: 'filled'
      name: string
      language: string
      components: SendComponent[]
      uploads: TemplateUpload[]
    }

/** A file of a template's header or card. */
export interface TemplateUpload {
  /** Stands in the components until the file is uploaded. */
  id: string
  file: FileRef
  /** What it has to be, and how its slot is called; left out in what was kept before this was asked. */
  format?: MediaFormat
  label?: string
}

export interface Instruction {
  id: string
  origin: InstructionOrigin
  /** Who asked; null for scripts and hooks. */
  agent: { id: number; name: string } | null
  /** How the row in the desk looks. */
  row: {
    type: 'outgoing' | 'activity'
    content: string
    /** Shown as an attachment of the row. */
    file?: Extract<FileRef, { from: 'stored' }>
    quotesMessageId?: number
  }
  parts: InstructedPart[]
  /** For the conversation's attributes and for usage. */
  template?: string
  /** Of a macro or automation that asked for it. */
  hookId?: string
  /** Who it goes to, when there is no conversation yet. */
  to?: {
    contactId?: number
    /** Digits. */
    phone?: string
    name?: string
  }
}

/** Id of a media that is not uploaded yet. */
export function uploadId(n: number): string {
  return `puente:upload:${n}`
}

/** The components with the ids of uploaded files in place of the reserved ones. */
export function withUploads(components: SendComponent[], ids: ReadonlyMap<string, string>): SendComponent[] {
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'id' && typeof inner === 'string' ? (ids.get(inner) ?? inner) : replace(inner)
      ])
    )
  }
  return replace(components) as SendComponent[]
}
