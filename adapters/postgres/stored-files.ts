/** Files that Puente keeps: sealed in pieces of 1 MiB, so that none is ever whole in memory; and the library of agents. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { LibraryItem, StoredFile, StoredFiles } from '../../plugin/core/ports/stored-files.ts'
import type { AgentVault } from './agents.ts'

const PIECE_BYTES = 1024 * 1024

interface FileRow {
  id: string
  desk_id: number
  agent_id: number | null
  name_sealed: Buffer
  mime_type: string
  size_bytes: number
  sha256: string
  sends_as: StoredFile['sendsAs']
  refusal: string | null
  expires_at: Date | null
}

interface ItemRow extends FileRow {
  item_id: string
  kind: 'file' | 'link'
  title_sealed: Buffer
  url_sealed: Buffer | null
  file_id: string | null
  author: number
  added_at: Date
}

const FILE_COLUMNS = `f.id, f.desk_id, f.agent_id, f.name_sealed, f.mime_type, f.size_bytes, f.sha256, f.sends_as,
  f.refusal, f.expires_at`
const ITEM_COLUMNS = `l.id as item_id, l.kind, l.title_sealed, l.url_sealed, l.file_id, l.agent_id as author,
  l.created_at as added_at`

export function createStoredFiles(pool: pg.Pool, vault: AgentVault): StoredFiles {
  const text = (sealed: Buffer, context: string): string => vault.open(sealed, context).toString('utf8')
  const seal = (plain: string, context: string): Buffer => vault.seal(Buffer.from(plain), context)
  const pieceContext = (id: string, n: number): string => `file:${id}:${n}`

  const toFile = (row: FileRow): StoredFile => ({
    id: row.id,
    deskId: row.desk_id,
    agentId: row.agent_id,
    name: text(row.name_sealed, 'file name'),
    mimeType: row.mime_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    sendsAs: row.sends_as,
    refusal: row.refusal,
    expiresAt: row.expires_at
  })
  const toItem = (row: ItemRow): LibraryItem => ({
    id: row.item_id,
    kind: row.kind,
    title: text(row.title_sealed, 'library title'),
    url: row.url_sealed === null ? null : text(row.url_sealed, 'library url'),
    file: row.file_id === null ? null : toFile(row),
    agentId: row.author,
    addedAt: row.added_at
  })

  return {
    async keep(file, path, lifeMs) {
      await pool.query(
        `insert into files (id, desk_id, agent_id, name_sealed, mime_type, size_bytes, sha256, sends_as, refusal, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10 / 1000.0))`,
        [
          file.id,
          file.deskId,
          file.agentId,
          seal(file.name, 'file name'),
          file.mimeType,
          file.sizeBytes,
          file.sha256,
          file.sendsAs,
          file.refusal,
          lifeMs
        ]
      )
      let n = 0
      for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
        await pool.query('insert into file_chunks (file_id, n, sealed) values ($1, $2, $3)', [
          file.id,
          n,
          vault.seal(piece as Buffer, pieceContext(file.id, n))
        ])
        n++
      }
      const answer = await pool.query(`update files f set complete = true where f.id = $1 returning ${FILE_COLUMNS}`, [
        file.id
      ])
      return toFile(answer.rows[0] as FileRow)
    },

    async find(deskId, id) {
      const answer = await pool.query(
        `select ${FILE_COLUMNS} from files f where f.id = $1 and f.desk_id = $2 and f.complete
           and (f.expires_at is null or f.expires_at > now())`,
        [id, deskId]
      )
      return answer.rows[0] === undefined ? null : toFile(answer.rows[0] as FileRow)
    },

    async open(id) {
      const known = await pool.query('select 1 from files where id = $1 and complete', [id])
      if (known.rowCount === 0) throw new PuenteError('media_gone', { facts: { what: 'stored file' } })
      const pieces = async function* (): AsyncGenerator<Buffer> {
        for (let n = 0; ; n++) {
          const answer = await pool.query('select sealed from file_chunks where file_id = $1 and n = $2', [id, n])
          const row = answer.rows[0] as { sealed: Buffer } | undefined
          if (row === undefined) return
          yield vault.open(row.sealed, pieceContext(id, n))
        }
      }
      return Readable.from(pieces(), { objectMode: false })
    },

    async listLibrary(deskId) {
      const answer = await pool.query(
        `select ${ITEM_COLUMNS}, ${FILE_COLUMNS} from library l left join files f on f.id = l.file_id
         where l.desk_id = $1 and l.removed_at is null order by l.created_at desc limit 500`,
        [deskId]
      )
      return (answer.rows as ItemRow[]).map(toItem)
    },

    async findLibrary(deskId, itemId) {
      const answer = await pool.query(
        `select ${ITEM_COLUMNS}, ${FILE_COLUMNS} from library l left join files f on f.id = l.file_id
         where l.desk_id = $1 and l.id = $2 and l.removed_at is null`,
        [deskId, itemId]
      )
      return answer.rows[0] === undefined ? null : toItem(answer.rows[0] as ItemRow)
    },

    async addToLibrary(item) {
      await pool.query(
        `with kept as (update files set expires_at = null where id = $7::uuid and desk_id = $2 returning 1)
         insert into library (id, desk_id, agent_id, kind, title_sealed, url_sealed, file_id)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          item.id,
          item.deskId,
          item.agentId,
          item.kind,
          seal(item.title, 'library title'),
          item.url === null ? null : seal(item.url, 'library url'),
          item.fileId
        ]
      )
    },

    async removeFromLibrary(deskId, itemId) {
      // What is on its way with it still finds its bytes.
      await pool.query(
        `with removed as (
           update library set removed_at = now() where desk_id = $1 and id = $2 and removed_at is null returning file_id
         ) update files set expires_at = now() + interval '2 days' where id in (select file_id from removed)
             and not exists (select 1 from library l where l.file_id = files.id and l.removed_at is null and l.id <> $2)`,
        [deskId, itemId]
      )
    },

    async heldBytes(deskId, agentId) {
      const answer = await pool.query(
        `select coalesce(sum(size_bytes), 0)::float8 as n from files
         where desk_id = $1 and agent_id = $2 and expires_at > now()`,
        [deskId, agentId]
      )
      return (answer.rows[0] as { n: number }).n
    },

    async forgetOld() {
      await pool.query(
        `update library set file_id = null where removed_at is not null
           and file_id in (select id from files where expires_at < now() - interval '2 days')`
      )
      // Two more days than promised: what waits in a lane may still need the bytes.
      await pool.query(`delete from files where expires_at < now() - interval '2 days'`)
    }
  }
}
