/** The item of the customer's outbound lane that an instruction becomes, once its row stands in the desk. */

import { dayOfMessage } from '../dedupe-day.ts'
import { pauseOf } from '../gates.ts'
import { canonicalPhone } from '../identity.ts'
import { sourceAlias } from '../inbound/write.ts'
import type { DeskHook } from '../ports/help-desk.ts'
import type { IntakeRow } from '../ports/store.ts'
import { type Carrying, writtenAt } from './carry.ts'
import { findCustomer } from './opening.ts'

export async function laneRow(run: Carrying): Promise<IntakeRow> {
  const { bridge, talk, number, record } = run
  const { instruction } = record
  const conversationId = record.conversationId!
  const messageId = record.messageId!
  const customer = (await talk.customerIn(number.id, conversationId)) ?? (await findCustomer(run))
  const sourceId = record.sourceId ?? customer?.sourceId ?? null
  const source = sourceAlias(number.id, sourceId ?? `conversation ${conversationId}`)
  const phone = customer?.ids.waId ?? instruction.to?.phone ?? ''
  const at = writtenAt(run)
  const hook: Extract<DeskHook, { kind: 'message' }> = {
    kind: 'message',
    created: true,
    message: {
      id: messageId,
      conversationId,
      type: 'outgoing',
      content: instruction.row.content,
      private: false,
      sourceId: null,
      status: 'sent',
      contentType: 'text',
      attributes: {},
      additionalAttributes: {},
      createdAt: at,
      senderType: instruction.agent === null ? null : 'user',
      senderId: instruction.agent?.id ?? null,
      senderName: instruction.agent?.name ?? null,
      files: []
    },
    contactSource: sourceId,
    conversationStatus: 'open',
    contact: {
      id: record.contactId ?? customer?.contactId ?? null,
      phone: phone === '' ? null : `+${phone}`,
      name: instruction.to?.name ?? null,
      identifier: null
    },
    deleted: false,
    marked: false,
    quotesMessageId: instruction.row.quotesMessageId ?? null,
    quotesSourceId: null,
    templateParams: null,
    instruction
  }
  const ids = phone === '' ? {} : { waId: phone, name: instruction.to?.name }
  const aliases = phone === '' ? [source] : [source, `w:${canonicalPhone(phone)}`]
  const laneId = customer === null ? null : await talk.laneOf(number.id, customer.customerId)
  return {
    numberId: number.id,
    // The same key as for the desk's own messages: whatever finds it a second time falls away.
    key: `d:${messageId}`,
    kind: 'hook',
    identity: laneId === null ? { deskId: number.deskId, aliases, ids } : null,
    ...(laneId === null ? {} : { laneId }),
    outbound: true,
    ord: messageId,
    occurredAt: at,
    dayAt: dayOfMessage(at, number.sandbox, bridge.clock.now()),
    // Stored in our own words, as reconciliation does; `readStoredHook` reads both.
    payload: Buffer.from(JSON.stringify({ puente_hook: hook })),
    state: 0,
    opensWindow: false,
    holdMs: bridge.times.hookOrderMs,
    pulls: pauseOf(bridge, number.id) !== null
  }
}
