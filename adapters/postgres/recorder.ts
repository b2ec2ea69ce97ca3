/**
 * Writes down what workers did: attempts, outcomes, releases. A group commit like the intake's, each batch one call
 * of the function `record_work`.
 */
import type pg from 'pg'
import type { Recorded, Recorder, Work } from '../../plugin/core/ports/store.ts'
import type { Customers, CustomerVault } from './customers.ts'
import { isConnectionError, isDeadlock } from './refusal.ts'
import { createSingleFlight } from './single-flight.ts'

interface Waiting {
  work: Work[]
  resolve: (recorded: Recorded) => void
  reject: (error: unknown) => void
}

/** A batch stays small enough that one commit is never long. */
const FLUSH_WORK = 2_000
/** PostgreSQL may be restarting: the worker's outcome is worth waiting for (its lease runs meanwhile). */
const RETRY_FOR_MS = 20_000

export interface RecorderOptions {
  pool: pg.Pool
  customers: Customers
  vault: CustomerVault
  /** A released lane has more work already. */
  onDue: () => void
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { pool, customers, vault } = options
  const queue: Waiting[] = []

  const write = async (batch: Waiting[]): Promise<() => void> => {
    const built = new Map<string, object[]>()
    const attempts: Waiting[] = []
    for (const waiting of batch) {
      for (const work of waiting.work) addWork(built, work, attempts, waiting)
    }
    const text = JSON.stringify(Object.fromEntries(built))
    const started = performance.now()
    for (;;) {
      try {
        const answer = await pool.query({
          name: 'record',
          text: 'select record_work($1::jsonb) as answer',
          values: [text]
        })
        const { fenced, moved, due } = (
          answer.rows[0] as { answer: { fenced: number[]; moved: number[]; due: number } }
        ).answer
        const lost = new Set(fenced.map(index => attempts[index]))
        const lanes = new Set(moved)
        if (due > 0) options.onDue()
        return () => {
          for (const waiting of batch) {
            if (lanes.size > 0 && waiting.work.some(work => work.op === 'binding' && lanes.has(work.hold.lane)))
              waiting.resolve('moved')
            else waiting.resolve(lost.has(waiting) ? 'lost' : 'kept')
          }
        }
      } catch (error) {
        // The function is one transaction and its writes are the same when repeated.
        const again = isDeadlock(error) || isConnectionError(error)
        if (!again || performance.now() - started > RETRY_FOR_MS) throw error
        await new Promise(resolve => setTimeout(resolve, 200))
      }
    }
  }

  function addWork(built: Map<string, object[]>, work: Work, attempts: Waiting[], waiting: Waiting): void {
    const add = (name: string, row: object): void => {
      const rows = built.get(name)
      if (rows === undefined) built.set(name, [row])
      else rows.push(row)
    }
    switch (work.op) {
      case 'attempt':
        add('attempts', { i: attempts.push(waiting) - 1, ...eventKey(work.event), a: work.attempt, ...work.hold })
        break
      case 'partAttempt':
        add('part_attempts', {
          i: attempts.push(waiting) - 1,
          n: work.numberId,
          m: work.messageId,
          g: work.generation,
          p: work.part,
          id: work.attemptId,
          ...work.hold
        })
        break
      case 'partOutcome':
        add('part_outcomes', { id: work.attemptId, s: work.state, w: work.wamid, code: work.code, facts: work.facts })
        break
      case 'done':
        add('done', { ...eventKey(work.event), s: work.state, code: work.code, facts: work.facts, ...work.hold })
        break
      case 'later':
        add('later', {
          ...eventKey(work.event),
          ms: Math.round(work.afterMs),
          code: work.code,
          facts: work.facts,
          void: work.voidAttempt,
          ...work.hold
        })
        break
      case 'binding': {
        // A statement may touch a row only once: the later binding wins.
        const others = built.get('bindings') as { n: number; cu: number; was: number | null }[] | undefined
        const same = others?.findIndex(row => row.n === work.numberId && row.cu === work.customerId) ?? -1
        // Compared with what was stored before the first of them.
        const [first] = same >= 0 ? others!.splice(same, 1) : []
        add('bindings', {
          n: work.numberId,
          cu: work.customerId,
          contact: work.binding.contactId,
          source: work.binding.sourceId,
          conv: work.binding.conversationId,
          status: work.binding.conversationStatus,
          last: work.binding.lastMessageId,
          cas: true,
          was: first === undefined ? work.binding.stored : first.was,
          ...work.hold
        })
        break
      }
      case 'head':
        add('heads', { n: work.numberId, cu: work.customerId, last: work.lastMessageId, status: work.status })
        break
      case 'alias':
        add('aliases', { desk: work.deskId, h: vault.hash(work.alias).toString('base64'), cu: work.customerId })
        break
      case 'row':
        add('rows', {
          n: work.numberId,
          w: work.wamid,
          m: work.messageId,
          c: work.conversationId,
          pd: work.payload?.pageDay,
          pi: work.payload?.pageId,
          po: work.payload?.offset,
          pl: work.payload?.length
        })
        break
      case 'ids':
        add('ids', { cu: work.customerId, s: customers.sealIds(work.ids).toString('base64') })
        break
      case 'usage': {
        const { usage } = work
        add('usage', {
          at: usage.at,
          n: usage.numberId,
          w: usage.wamid,
          o: usage.outbound,
          origin: usage.origin,
          session: usage.inSession,
          category: usage.category,
          template: usage.template,
          agent: usage.agentId,
          m: usage.messageId
        })
        break
      }
      case 'delivery':
        add('deliveries', {
          n: work.numberId,
          m: work.messageId,
          c: work.conversationId,
          cu: work.customerId,
          lane: work.lane,
          human: work.human,
          pd: work.payload.pageDay,
          pi: work.payload.pageId,
          po: work.payload.offset,
          pl: work.payload.length,
          written: work.writtenAt,
          told: work.shownFailed ? 'failed' : 'sent'
        })
        break
      case 'state':
        add('states', {
          n: work.numberId,
          m: work.messageId,
          s: work.state,
          code: work.code,
          facts: work.facts,
          parts: work.parts,
          g: work.generation,
          tick: work.tickInMs,
          at: work.at
        })
        break
      case 'pace':
        add('paces', { lane: work.lane, tokens: work.tokens })
        break
      case 'windowClosed':
        add('windows', { n: work.numberId, cu: work.customerId, at: work.at })
        break
      case 'release':
        add('release', {
          ...work.hold,
          seen: work.arrivals,
          ms: work.dueInMs === null ? null : Math.max(0, Math.round(work.dueInMs)),
          strikes: Math.min(work.strikes, 1000),
          session: work.sessionFrom ?? undefined,
          read: work.readWamid ?? undefined
        })
        break
    }
  }

  const take = (): Waiting[] | null => {
    let count = 0
    let taken = 0
    for (const waiting of queue) {
      if (taken > 0 && count + waiting.work.length > FLUSH_WORK) break
      count += waiting.work.length
      taken++
    }
    return taken === 0 ? null : queue.splice(0, taken)
  }

  /** One bad row must not take its neighbours along: then each goes alone. */
  const writeOrSplit = async (batch: Waiting[]): Promise<() => void> => {
    try {
      return await write(batch)
    } catch (error) {
      if (batch.length === 1) return () => batch[0]!.reject(error)
      const tells: (() => void)[] = []
      for (const waiting of batch) tells.push(await writeOrSplit([waiting]))
      return () => {
        for (const tell of tells) tell()
      }
    }
  }

  const flight = createSingleFlight({ take, write: writeOrSplit })

  return {
    record(work) {
      return new Promise((resolve, reject) => {
        queue.push({ work, resolve, reject })
        flight.kick()
      })
    },
    close: flight.landed
  }
}

function eventKey(event: { day: string; numberId: number; key: string }): { d: string; n: number; k: string } {
  return { d: event.day, n: event.numberId, k: event.key }
}
