/**
 * Knows the wire type of every JSON example of Chatwoot, and writes them all as typed constants, so that the compiler can
 * compare keys, nullness and literal values (an imported JSON file would lose the literals). Compiles nothing itself.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const examples = join(here, '../fixtures/chatwoot')

/** First match wins. A file that matches nothing is an error: a new example needs a type. */
const TYPES: [RegExp, string][] = [
  [/^webhook\.message_/, 'w.MessageHookWire'],
  [/^webhook\.conversation_created/, 'w.ConversationCreatedHookWire'],
  [/^webhook\.conversation_typing/, 'w.TypingHookWire'],
  [/^webhook\.conversation_/, 'w.ConversationChangedHookWire'],
  [/^webhook\.contact_/, 'w.ContactHookEventWire'],
  [/^webhook\.inbox_/, 'w.InboxHookWire'],
  [/^webhook\.webwidget_/, 'w.WidgetHookWire'],
  [/^webhook\.(macro|automation)_/, 'w.ActionHookWire'],
  [/^recorded.*\/hook\./, '{ headers: w.HookHeadersWire; body: w.HookWire }'],
  [/^recorded.*\/hooks\./, 'readonly { headers: w.HookHeadersWire; body: w.HookWire }[]'],
  [/signature-vector/, '{ secret: string; headers: Record<string, string>; raw_body_utf8: string }'],
  [/^errors\.json/, 'Record<string, w.ErrorWire | string>'],
  [/^api\..*\.error-/, 'w.ErrorWire'],

  [/^api\.inboxes\.create\.request/, 'w.CreateInboxRequestWire'],
  [/^api\.inboxes\.update-templates\.request/, 'w.UpdateInboxRequestWire'],
  [/^api\.inboxes\.list/, 'w.InboxListWire'],
  [/(^api\.inboxes\.|\/inbox\.)/, 'w.ApiInboxWire'],
  [/^api\.inbox_members\.show/, 'w.InboxMembersWire'],

  [/^api\.contacts\.create\.request/, 'w.CreateContactRequestWire'],
  [/(^api\.contacts\.create\.response|\/contact\.create)/, 'w.CreateContactAnswerWire'],
  [/^api\.contacts\.(search|filter)\.response/, 'w.ContactListWire'],
  [/^api\.contacts\.filter\.request/, 'w.FilterRequestWire'],
  [/^api\.contacts\.show/, 'w.ContactAnswerWire'],
  [/^api\.contacts\.contactable_inboxes/, 'w.ContactableInboxesWire'],
  [/^api\.contacts\.contact_inboxes\.create\.response/, 'w.ContactInboxSlimWire'],
  [/^api\.(contacts\.contact_inboxes\.create|contact_inboxes\.filter)\.request/, 'w.ContactInboxRequestWire'],
  [/^api\.contact_inboxes\.filter\.response/, 'w.ContactWire'],
  [/^api\.contacts\.conversations/, 'w.ContactConversationsWire'],
  [/^api\.actions\.contact_merge\.request/, 'w.MergeContactsRequestWire'],
  [/^api\.actions\.contact_merge\.response/, 'w.ContactWire'],

  [/^api\.conversations\.create\.request/, 'w.CreateConversationRequestWire'],
  [/(^api\.conversations\.(create|show)\.response|\/conversation\.create)/, 'w.ConversationWire'],
  [/(^api\.conversations\.list|\/conversations\.list)/, 'w.ConversationListWire'],
  [/^api\.conversations\.filter\.response/, 'w.ConversationFilterAnswerWire'],
  [/^api\.conversations\.toggle_status\.request/, 'w.ToggleStatusRequestWire'],
  [/^api\.conversations\.toggle_status\.response/, 'w.ToggleStatusAnswerWire'],
  [/^api\.conversations\.custom_attributes/, 'w.ConversationAttributesWire'],
  [/^api\.conversations\.assignments\.request/, 'w.AssignRequestWire'],
  [/^api\.conversations\.assignments\.response/, 'w.AgentWire'],
  [/^api\.conversations\.labels\.request/, 'w.LabelsRequestWire'],
  [/^api\.conversations\.labels\.response/, 'w.LabelsAnswerWire'],

  [/^api\.messages\.create-multipart\.form/, 'w.CreateMessageFormWire'],
  [/^api\.messages\.create-.*\.request/, 'w.CreateMessageRequestWire'],
  [/^api\.messages\.patch-status\.request/, 'w.PatchStatusRequestWire'],
  [/^api\.messages\.list/, 'w.MessageListWire'],
  [/(^api\.messages\.|\/message\.create)/, 'w.MessageWire'],

  [/(^api\.agents\.list|\/agents\.json)/, 'readonly w.AgentWire[]'],
  [/(^api\.auth\.validate_token|\/auth\.validate_token)/, 'w.ValidateTokenWire'],
  [/(^api\.profile\.|\/profile\.json)/, 'w.ProfileWire'],
  [/^cookie\./, 'w.SessionCookieWire'],
  [/^api\.dashboard_apps\.create\.request/, 'w.DashboardAppRequestWire'],
  [/^api\.dashboard_apps\.list/, 'readonly w.DashboardAppWire[]'],
  [/(^api\.dashboard_apps\.create\.response|\/dashboard_app\.create)/, 'w.DashboardAppWire'],
  [/^dashboard\.appContext\.mobile/, 'w.MobileAppContextWire'],
  [/(^dashboard\.appContext\.web|\/dashboard_app\.appContext)/, 'w.AppContextWire'],
  [/^dashboard\.fetch-info/, 'w.FetchInfoWire'],
  [/^api\.custom_attribute_definitions\.create\.request/, 'w.AttributeDefinitionRequestWire'],
  [/^api\.custom_attribute_definitions\.create\.response/, 'w.AttributeDefinitionWire'],
  [/^api\.custom_filters\.create\.request/, 'w.CustomFilterRequestWire'],
  [/^api\.custom_filters\.create\.response/, 'w.CustomFilterWire'],
  [/^api\.labels\.list/, 'w.LabelListWire'],
  [/^api\.macros\.create\.request/, 'w.MacroRequestWire'],
  [/^api\.macros\.create\.response/, 'w.MacroAnswerWire'],
  [/^api\.webhooks\.create\.request/, 'w.WebhookRequestWire'],
  [/^api\.webhooks\.create\.response/, 'w.WebhookAnswerWire'],
  [/^api\.webhooks\.list/, 'w.WebhookListWire'],

  [/^public-api\.contacts\.create\.request/, 'w.PublicContactRequestWire'],
  [/^public-api\.contacts\.create\.response/, 'w.PublicContactWire'],
  [/^public-api\.conversations\./, 'w.PublicConversationWire'],
  [/^public-api\.messages\./, 'w.PublicMessageWire'],
  [/^public-api\.inboxes\./, 'w.PublicInboxWire'],
  [/^platform\.users\.login/, 'w.PlatformLoginWire'],
  [/^platform\.users\.token/, 'w.PlatformTokenWire']
]

/** Names of all examples, relative to their folder. */
export function listExamples(): string[] {
  return readdirSync(examples, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => name.endsWith('.json'))
    .sort()
}

/** The wire type of an example. */
export function typeOfExample(name: string): string {
  const found = TYPES.find(([pattern]) => pattern.test(name))
  if (!found) throw new Error(`${name} has no wire type: add it to test/types/chatwoot-examples.ts`)
  return found[1]
}

export function readExample(name: string): unknown {
  return JSON.parse(readFileSync(join(examples, name), 'utf8'))
}

/** The text of a module, for a file in this folder, in which each example is a constant of its type. */
export function examplesAsModule(): string {
  const lines = ["import type * as w from '../../adapters/chatwoot/wire.ts'", '']
  listExamples().forEach((name, nth) => {
    lines.push(
      `// ${name}`,
      `export const example${nth}: ${typeOfExample(name)} = ${JSON.stringify(readExample(name))}`
    )
  })
  return `${lines.join('\n')}\n`
}
