/**
 * Takes up set-aside items that have no lane: their bodies go through the door again, as this version of Puente and the
 * numbers of today understand them. What still cannot be delivered stays where it is.
 */
import { asPuenteError } from '../core/errors.ts'
import { type ReadWebhook, toBatch } from '../core/inbound/webhook-rows.ts'
import { DESK_KINDS, type Laneless, type LanelessItem } from '../core/ports/laneless.ts'
import type { IntakeBatch } from '../core/ports/store.ts'
import { hookRow } from './chatwoot-webhook.ts'

export interface TakeUpDeps extends ReadWebhook {
  laneless: Laneless
}

const AT_ONCE = 100

/** Answers how many were taken up. */
export async function takeUpLaneless(deps: TakeUpDeps): Promise<number> {
  const { bridge, laneless } = deps
  let taken = 0
  for (const item of await laneless.claim(AT_ONCE)) {
    const batch = await readAgain(deps, item).catch(error => {
      bridge.log.info({ event: item.seq, code: asPuenteError(error).code }, 'set-aside item not readable')
      return null
    })
    if (batch === null || !(batch.rows.some(row => row.state === 0) || batch.statuses.length > 0)) {
      await laneless.left(item)
      continue
    }
    // In this order a crash leaves it set aside, never lost; what was stored by then falls away by its key.
    const freed = await laneless.freeKey(item)
    await bridge.intake.accept(batch)
    await laneless.taken(freed)
    taken++
  }
  if (taken > 0) {
    bridge.log.info({ taken }, 'set-aside items taken up')
    bridge.wake()
  }
  return taken
}

async function readAgain(deps: TakeUpDeps, item: LanelessItem): Promise<IntakeBatch | null> {
  const { bridge } = deps
  const payload = await bridge.lanes.payload(item)
  if (!DESK_KINDS.includes(item.kind)) return toBatch(deps, payload, { again: true })
  const number = bridge.registry.number(item.numberId)
  const hook = number === undefined ? null : bridge.readHook(payload)
  if (number === undefined || hook?.kind !== 'message') return null
  const { id, createdAt } = hook.message
  const removal = item.kind === 'removal'
  const key = removal ? `x:${id}` : item.kind === 'retry' ? `r:${id}:${bridge.newId()}` : `d:${id}`
  // As one that nobody had heard of: what is old by now is a person's decision.
  const kind = item.kind === 'hook' ? 'note' : item.kind
  const row = await hookRow(bridge, number, hook, payload, kind, key)
  const forgotten = bridge.clock.now().getTime() - createdAt.getTime() > bridge.times.dedupeMs
  return { rows: [forgotten ? { ...row, dayAt: bridge.clock.now() } : row], statuses: [], conversations: [] }
}
