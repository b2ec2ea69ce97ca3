/** From a fact to drafts: gathers what the renderer wants to know (quoted texts), then renders. */

import { plainText } from '../markup/whatsapp-text.ts'
import type { DeskDraft, InboundFact } from '../model.ts'
import type { DeskHook } from '../ports/help-desk.ts'
import type { LaneEvent } from '../ports/store.ts'
import type { Locale } from '../texts/text.ts'
import { renderInbound } from './render.ts'
import { nameFile } from './render-media.ts'
import type { InboundRun } from './work-lane.ts'

export async function prepareDraft(run: InboundRun, _event: LaneEvent, fact: InboundFact): Promise<DeskDraft[]> {
  const { number } = run
  const wanted = textsWanted(fact)
  const texts = wanted.length === 0 ? new Map<string, string>() : await quotedTexts(run, wanted)
  return renderInbound(fact, {
    locale: number.language,
    deletionPolicy: number.rules.deletedByCustomer,
    quotedText: wamid => texts.get(wamid),
    showCustomerName: fact.kind === 'message' && fact.message.groupId !== undefined
  })
}

/** Wamids whose text helps a person to understand this fact. */
function textsWanted(fact: InboundFact): string[] {
  if (fact.kind !== 'message' && fact.kind !== 'echo') return []
  const { content, quoted } = fact.message
  if (content.kind === 'reaction' || content.kind === 'revoke' || content.kind === 'edit') return [content.target]
  if (content.kind === 'choice' && quoted?.wamid !== undefined) return [quoted.wamid]
  return []
}

async function quotedTexts(run: InboundRun, wamids: string[]): Promise<Map<string, string>> {
  const { bridge, number } = run
  const rows = await bridge.deliveries.rowsOf(number.id, wamids)
  const texts = new Map<string, string>()
  for (const [wamid, row] of rows) {
    if (row.payload === null) continue
    try {
      const payload = await bridge.lanes.payload(row.payload)
      const text = textOfFact(bridge.readFact(payload), number.language) ?? textOfHook(bridge.readHook(payload))
      if (text !== undefined && text !== '') texts.set(wamid, text)
    } catch {
      // The page is gone after its 14 days: the line names no text then.
    }
  }
  return texts
}

function textOfFact(fact: InboundFact, locale: Locale): string | undefined {
  if (fact.kind !== 'message' && fact.kind !== 'echo') return undefined
  const { content } = fact.message
  if (content.kind === 'text') return content.body
  if (content.kind === 'media') {
    const { type, media } = content
    return media.caption ?? media.filename ?? nameFile(locale, { from: 'channel', type, media })
  }
  if (content.kind === 'choice') return content.title
  return undefined
}

function textOfHook(hook: DeskHook): string | undefined {
  if (hook.kind !== 'message') return undefined
  return hook.message.content === null ? hook.message.files[0]?.name : plainText(hook.message.content)
}
