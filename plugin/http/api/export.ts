/**
 * The export of messages with an external reference: read in pages and streamed as it is read, so that neither side
 * holds it as a whole. CSV goes into spreadsheets, so a field that one would take for a formula is quoted for it; JSON
 * holds every field as it is.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiKey } from '../../core/ports/agent-store.ts'
import type { SentFilter, SentRow } from '../../core/ports/sent-log.ts'
import { failureOf, shownState } from '../../core/talk/shown-state.ts'
import { type ExportRow, exportAnswer, exportQuery, exportRow } from '../contract/export.ts'
import type { ApiDeps } from './deps.ts'

const PAGE = 500
const COLUMNS = Object.keys(exportRow.shape) as (keyof ExportRow)[]

export function addExport(api: FastifyInstance, deps: ApiDeps, keyOf: (request: FastifyRequest) => ApiKey): void {
  api.get(
    '/messages/export',
    {
      logLevel: 'warn',
      schema: {
        summary: 'Messages with an external reference as CSV or JSON, streamed',
        tags: ['key'],
        security: [{ bearer: [] }],
        querystring: exportQuery,
        response: { 200: exportAnswer }
      } as object
    },
    async (request, reply) => {
      const { format, externalRef, after, limit, from, to } = exportQuery.parse(request.query)
      const { deskId } = keyOf(request)
      const rows = readRows(deps, deskId, {
        externalRef,
        after,
        limit,
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to)
      })
      const day = new Date().toISOString().slice(0, 10)
      reply.header('content-disposition', `attachment; filename="puente-messages-${day}.${format}"`)
      reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8')
      return reply.send(Readable.from(format === 'csv' ? asCsv(rows) : asJson(rows), { objectMode: false }))
    }
  )
}

/** One page at a time; the next is read when the last was taken. */
async function* readRows(deps: ApiDeps, deskId: number, filter: SentFilter): AsyncGenerator<ExportRow[]> {
  let { after, limit } = filter
  while (limit > 0) {
    const page = await deps.sentLog.page(deskId, { ...filter, after, limit: Math.min(PAGE, limit) })
    if (page.length > 0) yield page.map(row => toRow(deps, row))
    if (page.length < Math.min(PAGE, limit)) return
    after = page.at(-1)?.sendId
    limit -= page.length
  }
}

async function* asJson(pages: AsyncIterable<ExportRow[]>): AsyncGenerator<string> {
  let before = '{"messages":['
  for await (const page of pages) {
    yield before + page.map(row => JSON.stringify(row)).join(',\n')
    before = ',\n'
  }
  yield `${before.startsWith('{') ? before : ''}]}`
}

async function* asCsv(pages: AsyncIterable<ExportRow[]>): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`
  for await (const page of pages) yield page.map(row => `${COLUMNS.map(key => field(row[key])).join(',')}\r\n`).join('')
}

function field(value: ExportRow[keyof ExportRow]): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = Array.isArray(value) ? value.join(' ') : value
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function toRow({ bridge, nameFailure }: ApiDeps, row: SentRow): ExportRow {
  const { delivery } = row
  const failure = delivery === null ? null : failureOf(delivery, 'en', nameFailure)
  const at = (date: Date | null): string | null => date?.toISOString() ?? null
  return {
    sendId: row.sendId,
    externalRef: row.externalRef,
    state:
      row.state === 'failed'
        ? 'failed'
        : row.state !== 'queued'
          ? 'stored'
          : delivery === null
            ? 'queued'
            : shownState(delivery),
    from: bridge.registry.number(row.numberId)?.displayPhoneNumber ?? '',
    conversationId: row.conversationId,
    messageId: row.messageId,
    wamids: row.wamids,
    createdAt: row.createdAt.toISOString(),
    sentAt: at(row.sentAt),
    deliveredAt: at(row.deliveredAt),
    readAt: at(row.readAt),
    failedAt: at(row.failedAt),
    failureCode: row.state === 'failed' ? (row.code ?? 'internal') : (failure?.code ?? null),
    metaCode: failure?.metaCode ?? null
  }
}
