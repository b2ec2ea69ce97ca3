/** What an event tells about its customer: new names, new ids. Kept sealed; aliases make them findable. */
import { aliasesOf } from '../identity.ts'
import type { CustomerIds, InboundFact } from '../model.ts'
import type { InboundRun } from './work-lane.ts'

export function customerOf(fact: InboundFact): CustomerIds | null {
  switch (fact.kind) {
    case 'message':
    case 'echo':
      return fact.message.customer
    case 'call':
      return fact.call.customer
    case 'preference':
      return fact.customer
    case 'status':
      return fact.status.recipient
    default:
      return null
  }
}

/** Adds what is new to the lane's ids and to what will be committed. A changed number keeps the conversation. */
export function learnIds(run: InboundRun, fact: InboundFact): void {
  const { lane, number } = run
  if (fact.kind === 'message' && fact.message.groupId !== undefined) return
  const told = [customerOf(fact)]
  if (fact.kind === 'message' && fact.message.content.kind === 'number_changed') told.push(fact.message.content.to)
  let changed = false
  const ids: CustomerIds = { ...lane.ids }
  for (const source of told) {
    if (source === null) continue
    for (const [key, value] of Object.entries(source) as [keyof CustomerIds, string | undefined][]) {
      if (value === undefined || value === '' || ids[key] === value) continue
      ids[key] = value
      changed = true
    }
    for (const alias of aliasesOf(source)) {
      if (!aliasesOf(lane.ids).includes(alias)) {
        run.pending.push({ op: 'alias', deskId: number.deskId, alias, customerId: lane.customerId })
      }
    }
  }
  if (!changed) return
  lane.ids = ids
  run.pending.push({ op: 'ids', customerId: lane.customerId, ids })
}
