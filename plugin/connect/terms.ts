/**
 * What connecting means: the terms that are accepted, which data goes where, and what changes for the business. Texts
 * for the terminal; what is accepted is recorded by its date.
 */
import { findAppCallback } from '../checks/elsewhere.ts'
import { valueOr } from '../checks/read.ts'
import { findMissingFields, PHONE_APP_FIELDS } from '../checks/webhook-fields.ts'
import { RULES } from '../core/rules.ts'
import type { Survey } from './survey.ts'

/** The day on which the links and the sentences below were last read. A new day is a new acceptance. */
export const TERMS = {
  version: '2026-11-22',
  links: [
    'https://www.whatsapp.com/legal/business-solution-terms',
    'https://www.whatsapp.com/legal/meta-terms-whatsapp-business',
    'https://business.whatsapp.com/policy'
  ]
} as const

export const DATA_FLOWS: readonly string[] = [
  'To Meta goes what agents send: texts, files, templates, and whom to. Meta processes it for the business.',
  'From Meta comes what customers send: messages, files, names, phone numbers or user ids, and what ads they came by.',
  'Chatwoot holds the conversations, contacts and files, as it does for its other channels.',
  'Puente keeps tokens and, for 15 days, raw messages, sealed by a key outside its database; nothing goes to anybody else.'
]

/** What is different once the number is connected, said before it is. `callbacks`: where this Puente is reached by Meta. */
export function listChanges({ whatsapp, desk, known, movedFrom }: Survey, callbacks: readonly string[]): string[] {
  const number = valueOr(whatsapp.number, null)
  const shown = number?.displayPhoneNumber ?? 'the number'
  const account = valueOr(desk.account, null)?.name ?? 'the account'
  const pace = RULES.throughputPerSecond.value.coexistence
  if (movedFrom !== null) return [`${shown} and every other number of ${account} move along from ${movedFrom}.`]
  if (known?.connected === true) return [`${shown} is connected already: only what differs is changed.`]
  const phone =
    number?.isOnBusinessApp === true
      ? [
          `${shown} stays in the WhatsApp Business app (coexistence): ${echoes(whatsapp, callbacks)}.`,
          `Coexistence has rules of its own: at most ${pace} messages a second, and the app must stay in use on its phone.`
        ]
      : [
          `Messages to ${shown} show in Chatwoot only. WhatsApp on a phone or in a browser no longer shows them.`,
          'Only messages from now on arrive; earlier ones are not copied.'
        ]
  const origin = findAppCallback(whatsapp, callbacks)
  return [
    ...phone,
    ...(origin === null
      ? []
      : [`Messages to ${shown} come here instead of to ${origin}, where the app sends its webhooks.`]),
    `In Chatwoot's account ${account}: an inbox with all agents, an attribute set, a label with its rule, a folder, a tab.`,
    'At Meta: the webhooks of the number lead here. `puente disconnect` undoes all of it and keeps the conversations.'
  ]
}

/** Only what the app is subscribed to can be promised. */
function echoes(whatsapp: Survey['whatsapp'], callbacks: readonly string[]): string {
  const [field] = PHONE_APP_FIELDS
  const missing = findMissingFields(whatsapp, [field], callbacks)
  if (missing === null) return `what is written there shows in Chatwoot too if the app is subscribed to ${field}`
  return missing.length === 0
    ? 'what is written there shows in Chatwoot too'
    : `what is written there does not show in Chatwoot before the app is subscribed to ${field}`
}
