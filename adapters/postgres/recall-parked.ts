/** Takes a parked answer back, within a transaction of the caller: alone, or together with what is sent instead. */
import type pg from 'pg'

export async function recallParked(
  client: pg.ClientBase,
  numberId: number,
  messageId: number
): Promise<'recalled' | 'leaving' | 'not_parked'> {
  const found = await client.query(
    `select l.id, l.owner is not null and l.lease_until > clock_timestamp() as held
     from deliveries d join lanes l on l.id = d.lane_id
     where d.number_id = $1 and d.message_id = $2 for update of l`,
    [numberId, messageId]
  )
  const lane = found.rows[0] as { id: number; held: boolean } | undefined
  // Whoever works the lane may be sending it right now; a claim after our commit sees it recalled.
  const leaving = lane?.held === true
  const answer = await client.query(
    `update deliveries set state = 'recalled', code = null, parked_at = null, tick_version = tick_version + 1
     where number_id = $1 and message_id = $2 and state = 'parked' and not $3 returning lane_id`,
    [numberId, messageId, leaving]
  )
  if ((answer.rowCount ?? 0) === 0) return leaving ? 'leaving' : 'not_parked'
  await client.query('update lanes set parked = greatest(0, parked - 1) where id = $1', [lane?.id])
  return 'recalled'
}

export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const done = await work(client)
    await client.query('commit')
    return done
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}
