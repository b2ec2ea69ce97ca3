/**
 * Passes on what one process heard of another's rows: of a flood a sample, many in one notification. Nothing is stored and nothing is lost when
 * it does not arrive: then a process only knows less about how the desk is doing. Leaves out what an echo means.
 */
import type pg from 'pg'

export interface EchoExchange {
  /** To be told to the others soon. */
  pass(deskId: number, messageId: number): void
  /** Listens from now on, as long as others live; cheap when it listens already. */
  listen(): void
  close(): Promise<void>
}

export interface EchoExchangeOptions {
  /** A connection of its own, by which it speaks and listens: in the pools it would wait behind work. */
  connect: () => Promise<pg.Client>
  processId: string
  onHeard: (deskId: number, messageId: number, agoMs: number) => void
  monotonicMs: () => number
}

const CHANNEL = 'puente_echoes'
/** How long ago each was heard is told along, so that waiting for one another costs no accuracy. */
const JOIN_MS = 100
/** Of a flood a sample says enough about the desk. */
const MOST = 16
const AGAIN_MS = 5_000

export function createEchoExchange(options: EchoExchangeOptions): EchoExchange {
  const { processId, monotonicMs } = options
  let heard: { deskId: number; messageId: number; atMs: number }[] = []
  let timer: NodeJS.Timeout | null = null
  let client: pg.Client | null = null
  let opening = false
  let triedAtMs = Number.NEGATIVE_INFINITY
  let closed = false

  const flush = (): void => {
    timer = null
    const now = monotonicMs()
    const told = heard.splice(0)
    const text = told.map(({ deskId, messageId, atMs }) => `${deskId}:${messageId}:${Math.round(now - atMs)}`).join(' ')
    // No commit waits for the disk because of this.
    client
      ?.query(`select set_config('synchronous_commit', 'off', true), pg_notify('${CHANNEL}', $1)`, [
        `${processId} ${text}`
      ])
      .catch(() => {})
  }

  const open = async (): Promise<void> => {
    opening = true
    triedAtMs = monotonicMs()
    try {
      const opened = await options.connect()
      const drop = (): void => {
        if (client === opened) client = null
        opened.end().catch(() => {})
      }
      opened.on('error', drop)
      opened.on('end', () => {
        if (client === opened) client = null
      })
      opened.on('notification', ({ payload }) => hear(payload ?? ''))
      await opened.query(`listen ${CHANNEL}`)
      if (closed) drop()
      else client = opened
    } catch {
      // Without it the others' hooks are only missing; it is tried again.
    } finally {
      opening = false
    }
  }

  const hear = (payload: string): void => {
    const [from, ...echoes] = payload.split(' ')
    if (from === processId) return
    for (const echo of echoes) {
      const [deskId, messageId, agoMs] = echo.split(':').map(Number)
      if (deskId !== undefined && messageId !== undefined) options.onHeard(deskId, messageId, agoMs ?? 0)
    }
  }

  return {
    pass(deskId, messageId) {
      if (closed) return
      if (heard.length < MOST) heard.push({ deskId, messageId, atMs: monotonicMs() })
      timer ??= setTimeout(flush, JOIN_MS)
    },
    listen() {
      if (client !== null || opening || closed || monotonicMs() - triedAtMs < AGAIN_MS) return
      void open()
    },
    async close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      heard = []
      await client?.end().catch(() => {})
    }
  }
}
