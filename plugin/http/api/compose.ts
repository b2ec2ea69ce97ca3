/**
 * From what an agent composed to the instruction that is kept: the parts for WhatsApp, and the row that colleagues will
 * read in the desk. What would be refused later is refused here, with a sentence.
 */
import type { Agent } from '../../core/agents/access.ts'
import { PuenteError } from '../../core/errors.ts'
import { neutraliseLiquid } from '../../core/inbound/render-words.ts'
import { escapeMarkdown } from '../../core/markup/escape.ts'
import { toWhatsApp } from '../../core/markup/to-whatsapp.ts'
import type { ComposedPart, MediaKind } from '../../core/model.ts'
import { RULES } from '../../core/rules.ts'
import type {
  FileRef,
  InstructedPart,
  Instruction,
  InstructionOrigin,
  TemplateUpload
} from '../../core/talk/instruction.ts'
import { deskTextOf } from '../../core/templates/desk-text.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { MessageToSend } from '../contract/message.ts'
import type { ApiDeps, SignedInAgent } from './deps.ts'
import { findSource } from './found-files.ts'
import { RequestRefused } from './problems.ts'
import { type FillContext, fill, findTemplate } from './templates.ts'

type Composed = Pick<Instruction, 'row' | 'parts' | 'template'>

/** Fails with `RequestRefused` (slots), `wa_window_closed`, `not_found`, `media_…`. */
export async function composeInstruction(
  deps: ApiDeps,
  input: {
    message: MessageToSend
    context: FillContext
    who: SignedInAgent | null
    agent: Agent | null
    origin: InstructionOrigin
    windowOpen: boolean
    to: Instruction['to']
  }
): Promise<Instruction> {
  const { message, context, windowOpen } = input
  if (message.kind !== 'template' && !windowOpen) throw new PuenteError('wa_window_closed', { stage: 'decide' })
  const composed =
    message.kind === 'template'
      ? await composeTemplate(deps, message, context, input.who)
      : await composeFree(deps, message, context, input.who)
  const { agent, origin, to } = input
  return {
    id: deps.bridge.newId(),
    origin,
    agent: agent === null ? null : { id: agent.id, name: agent.name },
    ...composed,
    row: { ...composed.row, content: neutraliseLiquid(composed.row.content) },
    to
  }
}

async function composeTemplate(
  deps: ApiDeps,
  message: Extract<MessageToSend, { kind: 'template' }>,
  context: FillContext,
  who: SignedInAgent | null
): Promise<Composed> {
  const template = await findTemplate(deps, context.number, message.templateId)
  const filling = await fill(deps, template, message.values, context, who, true)
  const blocking = filling.problems.filter(problem => problem.blocking)
  if (blocking.length > 0 || !filling.filled.ok) {
    const problems = blocking.map(({ where, code, sentence }) => ({ where, code, title: sentence }))
    throw new RequestRefused(problems, 'wa_template_parameters')
  }
  const { name, language } = template
  const { components, preview } = filling.filled
  const shown = shownFile(filling.uploads)
  const deskText = deskTextOf(preview, { fileShown: shown.file !== undefined })
  return {
    row: { type: 'outgoing', content: deskText, ...shown },
    parts: [{ kind: 'filled', name, language, components, uploads: filling.uploads }],
    template: name
  }
}

/** Colleagues see the header's file in the row. What lies in the conversation already is only named there. */
function shownFile(uploads: readonly TemplateUpload[]): Pick<Instruction['row'], 'file'> {
  const [first, ...cards] = uploads
  if (first?.file.from !== 'stored' || cards.length > 0 || first.file.sizeBytes > RULES.deskFileMaxBytes.value)
    return {}
  return { file: first.file }
}

type FreeMessage = Exclude<MessageToSend, { kind: 'template' }>

async function composeFree(
  deps: ApiDeps,
  message: FreeMessage,
  context: FillContext,
  who: SignedInAgent | null
): Promise<Composed> {
  const { number, locale } = context
  const quotes = 'quotesMessageId' in message ? message.quotesMessageId : undefined
  if (quotes !== undefined && !(await inThisConversation(deps, context, quotes))) throw new PuenteError('not_found')
  const row = (content: string): Composed['row'] => ({
    type: 'outgoing',
    content,
    ...(quotes === undefined ? {} : { quotesMessageId: quotes })
  })
  const composed = (content: string, part: ComposedPart): Composed => ({
    row: row(content),
    parts: [{ kind: 'composed', part }]
  })
  const language = number.language
  switch (message.kind) {
    case 'text':
      return { row: row(message.text), parts: [{ kind: 'text', body: toWhatsApp(message.text).trim() }] }
    case 'buttons': {
      const buttons = withIds(locale, message.buttons)
      const { body, header, footer } = message
      return composed(
        framed(
          message,
          buttons.map(button => `↩️ ${button.title}`)
        ),
        {
          kind: 'buttons',
          body,
          header,
          footer,
          buttons
        }
      )
    }
    case 'list': {
      const { body, header, footer, buttonText } = message
      const total = message.sections.reduce((n, section) => n + section.rows.length, 0)
      if (total > 10) throw refused(locale, 'message.sections', 'too_many_rows')
      if (message.sections.length > 1 && message.sections.some(section => !section.title?.trim())) {
        throw refused(locale, 'message.sections', 'section_title_missing')
      }
      const rows = withIds(
        locale,
        message.sections.flatMap(section => section.rows)
      )
      let next = 0
      const sections = message.sections.map(section => ({
        ...(section.title?.trim() ? { title: section.title } : {}),
        rows: section.rows.map(() => rows[next++]!)
      }))
      const lines = rows.map(each => `☰ ${each.title}${each.description ? `: ${each.description}` : ''}`)
      return composed(framed(message, lines), { kind: 'list', body, header, footer, buttonText, sections })
    }
    case 'url_button': {
      const { body, header, footer, buttonText, url } = message
      return composed(framed(message, [`🔗 ${buttonText}: ${url}`]), {
        kind: 'url_button',
        body,
        header,
        footer,
        buttonText,
        url
      })
    }
    case 'location': {
      const { latitude, longitude, name, address } = message
      const words = [name, address].filter(Boolean).join(', ')
      const link = `https://www.google.com/maps?q=${latitude},${longitude}`
      return composed(`📍 ${words === '' ? '' : `${escapeMarkdown(words)}\n`}${link}`, {
        kind: 'location',
        latitude,
        longitude,
        name,
        address
      })
    }
    case 'location_request':
      return composed(`${escapeMarkdown(message.body)}\n\n- 📍 ${text(language, 'tab.location_request')}`, {
        kind: 'location_request',
        body: message.body
      })
    case 'contacts': {
      const lines = message.contacts.map(card =>
        [
          `👤 **${escapeMarkdown(card.name)}**`,
          ...(card.organisation?.trim() ? [escapeMarkdown(card.organisation)] : []),
          ...card.phones.map(phone => phone.number),
          ...card.emails.map(email => email.address)
        ]
          .map(plainLine)
          .join('\n')
      )
      return composed(lines.join('\n\n'), { kind: 'contacts', cards: message.contacts })
    }
    case 'reaction': {
      const target = await deps.bridge.deliveries.wamidOf(number.id, message.messageId)
      if (target === null || !(await inThisConversation(deps, context, message.messageId))) {
        throw new PuenteError('not_found')
      }
      const emoji = message.emoji.trim()
      if (emoji !== '' && [...new Intl.Segmenter().segment(emoji)].length !== 1) {
        throw refused(locale, 'message.emoji', 'one_emoji')
      }
      const name = plainLine(escapeMarkdown(context.agent?.name ?? 'Puente'))
      const content =
        emoji === '' ? text(language, 'tab.unreacted', { name }) : text(language, 'tab.reacted', { name, emoji })
      return {
        row: { type: 'activity', content },
        parts: [{ kind: 'composed', part: { kind: 'reaction', target, emoji } }]
      }
    }
    default:
      return composeFile(deps, message, context, who, row)
  }
}

async function composeFile(
  deps: ApiDeps,
  message: Extract<FreeMessage, { kind: 'sticker' | 'voice' | 'media' }>,
  context: FillContext,
  who: SignedInAgent | null,
  row: (content: string) => Composed['row']
): Promise<Composed> {
  if (who === null) throw new PuenteError('not_allowed')
  const found = await findSource(deps, who, context.number, context.picture?.id ?? null, message.file)
  const { ref, sendsAs } = found
  if (message.kind !== 'sticker' && sendsAs === null) throw new PuenteError('media_unsupported')
  if (message.kind === 'voice' && (sendsAs !== 'audio' || ref.from === 'link'))
    throw new PuenteError('media_unsupported')
  if (message.kind === 'sticker' && !isWebp(ref)) throw new PuenteError('media_unsupported')
  const caption = message.kind === 'media' ? message.caption?.trim() : undefined
  const words = caption ? toWhatsApp(caption).trim() : undefined
  const part: InstructedPart = {
    kind: 'file',
    file: ref,
    as: message.kind,
    ...(ref.from === 'link' ? { linkType: (sendsAs ?? 'document') as MediaKind } : {}),
    ...(words ? { caption: words } : {})
  }
  // What Puente keeps is shown as a file of the row; anything else is named, or linked to.
  if (ref.from === 'stored') return { row: { ...row(caption ?? ''), file: ref }, parts: [part] }
  const shown = ref.from === 'link' ? `📎 ${ref.url}` : `📎 ${escapeMarkdown(ref.name)}`
  return { row: row([caption, shown].filter(Boolean).join('\n\n')), parts: [part] }
}

function isWebp(file: FileRef): boolean {
  return file.from === 'stored' && file.mimeType === 'image/webp'
}

/** A message id is a locator too: it must lie in the conversation that the agent looks at. */
async function inThisConversation(deps: ApiDeps, context: FillContext, messageId: number): Promise<boolean> {
  const conversationId = context.picture?.id
  if (conversationId === undefined || conversationId === 0) return false
  const message = await deps.bridge.desk.readMessage(context.number.deskAccess, conversationId, messageId)
  return message !== null && !message.private
}

/** Body, then the choices by name: the desk shows no items of its own (contract/chatwoot §13). */
function framed(message: { body: string; header?: string; footer?: string }, lines: string[]): string {
  return [
    message.header ? `**${escapeMarkdown(plainLine(message.header))}**` : '',
    escapeMarkdown(message.body),
    message.footer ? `_${escapeMarkdown(plainLine(message.footer))}_` : '',
    lines.map(line => `- ${escapeMarkdown(plainLine(line))}`).join('\n')
  ]
    .filter(block => block !== '')
    .join('\n\n')
}

function plainLine(line: string): string {
  return line.replace(/\s+/g, ' ').trim()
}

/** Titles must differ, and so must ids: what comes back names the choice by its id. */
function withIds<T extends { id?: string; title: string }>(
  locale: Locale,
  choices: readonly T[]
): (T & { id: string })[] {
  const titles = new Set(choices.map(choice => choice.title))
  if (titles.size !== choices.length) throw refused(locale, 'message', 'same_titles')
  const named = choices.map((choice, n) => ({ ...choice, id: choice.id || `${n + 1}:${choice.title}`.slice(0, 200) }))
  if (new Set(named.map(choice => choice.id)).size !== named.length) throw refused(locale, 'message', 'same_ids')
  return named
}

type Mistake = 'too_many_rows' | 'section_title_missing' | 'one_emoji' | 'same_titles' | 'same_ids'

function refused(locale: Locale, where: string, code: Mistake): RequestRefused {
  return new RequestRefused([{ where, code, title: text(locale, `tab.compose.${code}`) }])
}
