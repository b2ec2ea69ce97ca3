/**
 * What connecting means: the terms that are accepted, which data goes where, and what changes for the business. Texts
 * for the terminal; what is accepted is recorded by its date.
 */
import { valueOr } from '../checks/read.ts'
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

/** What is different once the number is connected, said before it is. */
export function listChanges({ whatsapp, desk, known }: Survey): string[] {
  const number = valueOr(whatsapp.number, null)
  const shown = number?.displayPhoneNumber ?? 'the number'
  const account = valueOr(desk.account, null)?.name ?? 'the account'
  const pace = RULES.throughputPerSecond.value.coexistence
  if (known?.connected === true) return [`${shown} is connected already: only what differs is changed.`]
  const phone =
    number?.isOnBusinessApp === true
      ? [
          `${shown} stays in the WhatsApp Business app (coexistence): what is written there shows in Chatwoot too.`,
          `Coexistence has rules of its own: at most ${pace} messages a second, and the app must stay in use on its phone.`
        ]
      : [
          `Messages to ${shown} show in Chatwoot only. WhatsApp on a phone or in a browser no longer shows them.`,
          'Only messages from now on arrive; earlier ones are not copied.'
        ]
  return [
    ...phone,
    `In Chatwoot's account ${account}: an inbox with all agents, an attribute set, a label with its rule, a folder, a tab.`,
    'At Meta: the webhooks of the number lead here. `puente disconnect` undoes all of it and keeps the conversations.'
  ]
}
