/** A row of ours as Chatwoot takes it: JSON, or a form when it carries files (contract/chatwoot §4.1; CW-ACTIVITY). */
import type { DeskRow } from '../../plugin/core/ports/help-desk.ts'
import { buildForm, type FormBody } from './multipart.ts'
import type { ContentAttributesWire, CreateMessageRequestWire } from './wire.ts'

export function rowToWire(row: DeskRow): CreateMessageRequestWire {
  const attributes = attributesOf(row)
  return {
    content: row.content,
    message_type: row.type,
    private: row.private ?? false,
    ...(row.sourceId === undefined ? {} : { source_id: row.sourceId }),
    ...(attributes === undefined ? {} : { content_attributes: attributes })
  }
}

/** `is_voice_message` (since 4.14.2) tags all audio of the row; older desks ignore it (CW-VOICE). */
export function rowToForm(row: DeskRow): FormBody {
  const files = row.files ?? []
  const attributes = attributesOf(row)
  const fields: [string, string][] = [
    ['content', row.content],
    ['message_type', row.type],
    ['private', String(row.private ?? false)]
  ]
  if (row.sourceId !== undefined) fields.push(['source_id', row.sourceId])
  if (attributes !== undefined) fields.push(['content_attributes', JSON.stringify(attributes)])
  if (files.some(file => file.voice)) fields.push(['is_voice_message', 'true'])
  return buildForm(
    fields,
    files.map(({ path, name, mimeType, sizeBytes }) => ({ field: 'attachments[]', path, name, mimeType, sizeBytes }))
  )
}

/** Quotes go by the desk's own message id: an unknown `in_reply_to_external_id` would be lost (§4.1). */
function attributesOf(row: DeskRow): ContentAttributesWire | undefined {
  if (row.quotesMessageId === undefined) return row.attributes
  return { ...row.attributes, in_reply_to: row.quotesMessageId }
}
