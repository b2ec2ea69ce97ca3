/** Whether two webhooks under one id tell the same: what was said and what it answers, not how it was wrapped. */
import type { InboundFact } from '../model.ts'
import { isSameJson } from '../same-json.ts'

export function isSameFact(a: InboundFact, b: InboundFact): boolean {
  return isSameJson(saidIn(a), saidIn(b))
}

function saidIn(fact: InboundFact): unknown {
  if (fact.kind !== 'message' && fact.kind !== 'echo') return fact.kind
  const { content, quoted } = fact.message
  // The address of a file is made anew for each webhook.
  const said = content.kind === 'media' ? { ...content, media: { ...content.media, url: undefined } } : content
  return JSON.parse(JSON.stringify({ said, quoted }))
}
