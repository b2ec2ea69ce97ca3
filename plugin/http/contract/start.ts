/** Beginning a conversation: by an agent (tab, `/app/new`), by a CRM (API key), by a macro (hook). */
import { z } from 'zod'
import { numberInfo, sendInfo } from './common.ts'
import { messageToSend } from './message.ts'
import { slotValues } from './template.ts'

/** GET /api/v1/numbers: those that the agent may use, last used first. */
export const numberQuery = z.object({
  contactId: z.coerce.number().int().positive().optional(),
  phone: z.string().max(40).optional()
})
export const numberList = z.object({ numbers: z.array(numberInfo) }).meta({ id: 'NumberList' })
export type NumberList = z.infer<typeof numberList>

export const contactInfo = z
  .object({
    contactId: z.number().int(),
    name: z.string(),
    phone: z.string().nullable(),
    email: z.string().nullable(),
    onWhatsApp: z.boolean().describe('Known to one of our numbers')
  })
  .meta({ id: 'Contact' })
export type ContactInfo = z.infer<typeof contactInfo>

/** GET /api/v1/contacts?query=… (at least 2 characters), or ?contactId=…, or ?customer=… of a contact's own link */
export const contactQuery = z.object({
  query: z.string().max(200).optional(),
  contactId: z.coerce.number().int().positive().optional(),
  customer: z.string().max(100).optional().describe('Source id of the contact in one of our inboxes')
})
export const contactList = z.object({ contacts: z.array(contactInfo) }).meta({ id: 'ContactList' })
export type ContactList = z.infer<typeof contactList>

const who = {
  contactId: z.number().int().positive().optional().describe('Contact in the desk'),
  phone: z.string().min(5).max(40).optional().describe('With country code; used where no contact is given')
}

/** GET /api/v1/conversations?numberId&contactId|phone: is one open already? */
export const openQuery = z.object({
  numberId: z.coerce.number().int().positive(),
  contactId: z.coerce.number().int().positive().optional(),
  phone: z.string().max(40).optional()
})
export const openConversation = z
  .object({
    open: z
      .object({
        conversationId: z.number().int(),
        link: z.string(),
        windowOpen: z.boolean()
      })
      .nullable(),
    windowOpen: z.boolean().describe('Plain texts may be sent to this customer right now')
  })
  .meta({ id: 'OpenConversation' })
export type OpenConversation = z.infer<typeof openConversation>

/** POST /api/v1/conversations → 202 `sendInfo`, or 409 `conversation_open` with its link. */
export const startRequest = z.object({
  numberId: z.number().int().positive(),
  ...who,
  name: z.string().max(200).optional().describe('For a contact that has to be made'),
  ifOpen: z.enum(['use', 'refuse']).default('refuse'),
  message: messageToSend,
  externalRef: z.string().max(200).optional()
})
export type StartRequest = z.infer<typeof startRequest>

/** POST /api/v1/messages, for scripts: API key, `Idempotency-Key`. Template by name and language, slots by plain text. */
export const apiMessage = z.object({
  from: z
    .string()
    .max(40)
    .optional()
    .describe('Display number or phone number id; may be left out where only one number is connected'),
  ...who,
  name: z.string().max(200).optional(),
  ifOpen: z.enum(['use', 'refuse']).default('use'),
  externalRef: z.string().max(200).optional(),
  message: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), text: z.string().trim().min(1).max(20_000) }),
    z.object({
      kind: z.literal('template'),
      name: z.string().max(512),
      language: z.string().max(20),
      slots: z
        .record(z.string().max(100), z.string().max(4096))
        .default({})
        .describe('Text by slot key, for example {"body.1": "Ana"}; or `values` for everything else'),
      values: slotValues.optional()
    })
  ])
})
export type ApiMessage = z.infer<typeof apiMessage>

/** GET /api/v1/messages?externalRef=…, GET /api/v1/messages/:sendId */
export const sendParams = z.object({ sendId: z.uuid() })
export const sendQuery = z.object({ externalRef: z.string().min(1).max(200) })
export const sendList = z.object({ messages: z.array(sendInfo) }).meta({ id: 'SendList' })
