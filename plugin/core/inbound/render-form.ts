/**
 * Answers to flows and address messages as a table of question and answer. Nested values are flattened, Meta's own keys
 * left out, and files that were picked in the form become files of the row.
 */
import type { DraftFile, InboundContent, MediaKind } from '../model.ts'
import { formatList } from '../texts/format.ts'
import { findText, type Locale, text } from '../texts/text.ts'
import type { RenderContext, Rendered } from './render-context.ts'
import { hasVisible, lines, table } from './render-words.ts'

type Form = InboundContent & { kind: 'form' }

/** Keys that WhatsApp adds for the app that sent the flow; nobody answered them. */
const HIDDEN = new Set(['flow_token', 'wa_flow_response_params'])

const ROWS_SHOWN = 150
/** Deeper answers are shown as JSON in one cell; a body must not choose our depth. */
const DEPTH = 4

interface Answers {
  rows: [question: string, answer: string][]
  files: DraftFile[]
}

export function renderForm(form: Form, { locale }: RenderContext): Rendered {
  const isAddress = form.name === 'address_message'
  const sign = isAddress ? '🏠' : '📋'
  const blocks = [`${sign} **${text(locale, isAddress ? 'render.address' : 'render.form')}**`]
  const marker = { form: form.name.slice(0, 60) }
  const answers: Answers = { rows: [], files: [] }
  collect(locale, isAddress ? addressValues(form.answers) : form.answers, [], answers)
  if (answers.rows.length > 0) {
    const shown = answers.rows.slice(0, ROWS_SHOWN)
    blocks.push(table([text(locale, 'render.form.question'), text(locale, 'render.form.answer')], shown))
    const more = answers.rows.length - shown.length
    if (more > 0) blocks.push(text(locale, 'render.form.more', { count: more }))
  } else if (hasVisible(form.raw)) {
    blocks.push(text(locale, 'render.form.unreadable'), lines(form.raw))
  } else blocks.push(text(locale, 'render.form.empty'))
  return { blocks, files: answers.files.slice(0, 15), marker }
}

/** The address itself; what else WhatsApp sends beside it (saved ids) says nothing to an agent. */
function addressValues(answers: Record<string, unknown>): Record<string, unknown> {
  const values = isRecord(answers.values) ? answers.values : answers
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value != null))
}

function collect(locale: Locale, values: Record<string, unknown>, path: string[], into: Answers): void {
  for (const [key, value] of Object.entries(values)) {
    if (path.length === 0 && HIDDEN.has(key)) continue
    collectOne(locale, value, [...path, nameKey(locale, key)], into)
  }
}

function collectOne(locale: Locale, value: unknown, path: string[], into: Answers): void {
  // Far more rows than are shown: a hostile form must not cost memory.
  if (into.rows.length > ROWS_SHOWN * 10) return
  const question = path.join(' › ')
  if (Array.isArray(value)) {
    const files = value.map(readPickedFile)
    if (files.length > 0 && files.every(file => file !== undefined)) {
      into.files.push(...files)
      const names = files.map(file => (file.from === 'channel' && file.media.filename) || '📎')
      into.rows.push([question, formatList(locale, names)])
    } else if (value.every(each => !isRecord(each) && !Array.isArray(each))) {
      const said = value.map(each => writeScalar(locale, each)).filter(each => each !== '')
      into.rows.push([question, formatList(locale, said)])
    } else if (path.length >= DEPTH) into.rows.push([question, writeJson(value)])
    else {
      for (const [i, each] of value.entries()) {
        collectOne(locale, each, [...path.slice(0, -1), `${path.at(-1)} ${i + 1}`], into)
      }
    }
    return
  }
  if (!isRecord(value)) {
    into.rows.push([question, writeScalar(locale, value)])
    return
  }
  const file = readPickedFile(value)
  if (file !== undefined && file.from === 'channel') {
    into.files.push(file)
    into.rows.push([question, file.media.filename ?? '📎'])
  } else if (path.length >= DEPTH) into.rows.push([question, writeJson(value)])
  else if (Object.keys(value).length === 0) into.rows.push([question, ''])
  else collect(locale, value, path, into)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function writeScalar(locale: Locale, value: unknown): string {
  if (typeof value === 'boolean') return text(locale, value ? 'render.yes' : 'render.no')
  return value == null ? '' : String(value)
}

function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value).slice(0, 2000)
  } catch {
    // Deeper than the engine writes.
    return '…'
  }
}

/** `screen_0_Choose_one_0` (as Meta's flow builder names fields) becomes `Choose one`, `first_name` `First name`. */
function nameKey(locale: Locale, key: string): string {
  const known = findText(locale, `render.address.${key}`)
  if (known !== undefined) return known
  const built = /^screen_\d+_(.+?)(?:_\d+)?$/.exec(key)
  const words = (built?.[1] ?? key).replace(/_+/g, ' ').trim()
  return words === '' ? key : words.charAt(0).toUpperCase() + words.slice(1)
}

/** A file that the customer picked in the form: `{id, mime_type, sha256, file_name}`. */
function readPickedFile(value: unknown): DraftFile | undefined {
  if (!isRecord(value)) return undefined
  const { id, mime_type: mimeType, sha256, file_name: filename } = value
  if ((typeof id !== 'string' && typeof id !== 'number') || typeof mimeType !== 'string') return undefined
  if (typeof sha256 !== 'string' && typeof filename !== 'string') return undefined
  const media = { id: String(id), mimeType: mimeType.toLowerCase().slice(0, 120) }
  const hash = typeof sha256 === 'string' ? readHash(sha256) : undefined
  return {
    from: 'channel',
    type: kindOf(media.mimeType),
    media: {
      ...media,
      ...(hash === undefined ? {} : { sha256: hash }),
      ...(typeof filename === 'string' && hasVisible(filename) ? { filename: filename.slice(0, 255) } : {})
    }
  }
}

function kindOf(mimeType: string): MediaKind {
  const group = mimeType.split('/')[0]
  return group === 'image' || group === 'video' || group === 'audio' ? group : 'document'
}

function readHash(sha256: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(sha256)) return sha256.toLowerCase()
  const bytes = Buffer.from(sha256, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}
