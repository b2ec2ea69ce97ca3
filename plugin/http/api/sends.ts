/** What was asked to be sent: kept once per Idempotency-Key, carried on, and told as `sendInfo`. */
import type { DeskAccess } from '../../core/ports/help-desk.ts'
import type { InstructionRecord, NewInstruction } from '../../core/ports/instructions.ts'
import { CARRY_LEASE_MS } from '../../core/talk/carry.ts'
import { mendable } from '../../core/talk/mend.ts'
import { failureOf, shownState } from '../../core/talk/shown-state.ts'
import type { Locale } from '../../core/texts/text.ts'
import type { SendInfo } from '../contract/common.ts'
import { noteRecalled } from './conversation.ts'
import type { ApiDeps } from './deps.ts'
import { deskLink } from './desk-address.ts'

export interface Asked {
  caller: string
  key: string
  /** Everything that makes this request what it is. */
  body: unknown
  /** Where who asked has the desk; else as it is configured. */
  deskUrl?: string
}

/** The answer to an earlier request with the same key, before anything is looked at anew. */
export async function answeredBefore(deps: ApiDeps, asked: Asked, locale: Locale): Promise<SendInfo | null> {
  const known = await deps.bridge.instructions.known(asked.caller, asked.key, bodyHash(deps, asked))
  return known === null ? null : describeSend(deps, known, locale, asked.deskUrl)
}

export async function keepAndCarry(
  deps: ApiDeps,
  asked: Asked,
  instruction: Omit<NewInstruction, 'id' | 'caller' | 'key' | 'bodyHash' | 'origin'>,
  locale: Locale,
  as?: DeskAccess
): Promise<SendInfo> {
  const { record, fresh } = await deps.bridge.instructions.add(
    {
      ...instruction,
      id: instruction.instruction.id,
      origin: instruction.instruction.origin,
      caller: asked.caller,
      key: asked.key,
      bodyHash: bodyHash(deps, asked)
    },
    CARRY_LEASE_MS * deps.bridge.timeFactor
  )
  if (fresh) {
    deps.bridge.count('instructions', { origin: record.origin })
    const number = deps.bridge.registry.number(record.numberId)
    if (instruction.recalls !== undefined && number !== undefined && record.conversationId !== null) {
      noteRecalled(deps.bridge, number, record.conversationId, instruction.recalls)
    }
    await deps.carryNow(record, as)
  }
  const now = (await deps.bridge.instructions.find(record.id)) ?? record
  return describeSend(deps, now, locale, asked.deskUrl)
}

function bodyHash(deps: ApiDeps, asked: Asked): Buffer {
  return deps.hash(JSON.stringify(asked.body))
}

export async function describeSend(
  deps: ApiDeps,
  record: InstructionRecord,
  locale: Locale,
  deskUrl?: string
): Promise<SendInfo> {
  const desk = deps.bridge.registry.desks().find(candidate => candidate.id === record.deskId)
  const delivery =
    record.messageId === null || record.state !== 'queued'
      ? null
      : await deps.talk.delivery(record.numberId, record.messageId)
  const parts = delivery === null ? [] : await deps.talk.parts(record.numberId, delivery.messageId)
  const state: SendInfo['state'] =
    record.state === 'failed'
      ? 'failed'
      : record.state !== 'queued'
        ? 'stored'
        : delivery === null
          ? 'queued'
          : shownState(delivery)
  const failure =
    record.state === 'failed'
      ? mendable(locale, record.code ?? 'internal')
      : delivery === null
        ? null
        : failureOf(delivery, locale, deps.nameFailure)
  return {
    sendId: record.id,
    state,
    accountId: desk?.accountId ?? 0,
    conversationId: record.conversationId,
    messageId: record.messageId,
    numberId: record.numberId,
    link:
      desk === undefined || record.conversationId === null
        ? null
        : deskLink(deskUrl ?? deps.desks.urlOf(desk), desk.accountId, record.conversationId),
    wamids: parts.flatMap(part => part.wamid ?? []),
    failure,
    externalRef: record.externalRef,
    createdAt: record.createdAt.toISOString(),
    updatedAt: (delivery?.changedAt ?? record.updatedAt).toISOString()
  }
}
