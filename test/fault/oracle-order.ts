/**
 * Order (I4). Inbound per customer by Meta's time and arrival, outbound per conversation by the desk's message id, each
 * among what was stored when its turn came: a message that was stored late cannot be put before one that had left.
 */
import type { Reply, Said } from './load.ts'
import type { Evidence } from './oracle.ts'

/** A lane is worked from the picture of its claim for 750 ms and one item; what was stored meanwhile counts as later. */
const PICTURE_MS = 3_000

export function findInboundDisorder(said: Said[], evidence: Evidence): string[] {
  const wrong: string[] = []
  for (const theirs of groupBy(said, each => each.phone)) {
    const seen = theirs.flatMap(each => {
      const row = evidence.rows.get(each.wamid)?.[0]
      const event = evidence.events.get(`m:${each.wamid}`)
      return row === undefined || event === undefined ? [] : [{ ...each, row: row.message.id, event }]
    })
    for (const a of seen) {
      for (const b of seen) {
        if (a === b || a.row < b.row) continue
        // By the ledger alone: a was acknowledged before b was even said, and is not younger by Meta's clock.
        const acked = evidence.acked.get(a.wamid) ?? Number.POSITIVE_INFINITY
        const first = acked < evidence.spoken.get(b.wamid)! && a.event.ord <= b.event.ord
        const before = a.event.ord < b.event.ord || (a.event.ord === b.event.ord && a.event.seq < b.event.seq)
        const wasThere = b.event.attempted !== null && a.event.received + PICTURE_MS < b.event.attempted
        if (first || (before && wasThere)) {
          const facts = [a, b].map(
            each =>
              `row ${each.row} lane ${each.event.lane} seq ${each.event.seq} ord ${each.event.ord} stored ${Math.round(each.event.received % 1e6)} attempted ${Math.round((each.event.attempted ?? 0) % 1e6)}`
          )
          wrong.push(`${a.tag} after ${b.tag}: ${facts.join(' and ')}`)
        }
      }
    }
  }
  return wrong
}

export function findOutboundDisorder(replies: Reply[], evidence: Evidence): string[] {
  const wrong: string[] = []
  for (const theirs of groupBy(replies, each => each.conversationId)) {
    const left = theirs.flatMap(each => {
      const positions = evidence.sent.filter(sent => each.units.some(unit => sent.text.includes(unit)))
      const event = evidence.events.get(`d:${each.messageId}`)
      const attempts = evidence.parts.filter(part => part.message === each.messageId && part.generation === 1)
      if (positions.length === 0 || event === undefined || attempts.length === 0) return []
      const attempted = Math.min(...attempts.map(part => part.attempted))
      return [{ ...each, n: positions[0]!.n, event, attempted, parts: attempts.map(part => part.state) }]
    })
    for (const a of left) {
      for (const b of left) {
        if (a.messageId >= b.messageId || a.n < b.n) continue
        if (a.event.received + PICTURE_MS < b.attempted)
          wrong.push(
            `${a.tag} after ${b.tag}: stored ${Math.round(b.attempted - a.event.received)} ms before the other left, attempted ${Math.round(a.attempted - b.attempted)} ms after it, ${a.parts.join('/')}`
          )
      }
    }
  }
  return wrong
}

function groupBy<T>(items: T[], keyOf: (item: T) => unknown): T[][] {
  const groups = new Map<unknown, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups.values()]
}
