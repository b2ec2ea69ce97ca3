/** The three statements of the acknowledging path. Each is one round trip and one commit for a whole group. */
import { attemptOfClaim, EVENT_COLUMNS, LANE_COLUMNS } from './claimed.ts'

/**
 * Stores new rows, with a sealed page for those whose payload lies in none yet, and wakes their lanes. A lane that was merged passes its rows on. A lane
 * that is due already (waiting for a retry, or leased) keeps its time: the count of arrivals tells its holder; but a
 * negative hold pulls it.
 * An inbound message opens the window, which makes the customer's parked answers due. Parameters 14 to 19 are the same
 * rows summed up by lane: a lane whose rows were all known before stays asleep, and one that is woken for a row it knew
 * finds nothing to do.
 *
 * When it takes lanes, those of $23 that sleep are leased to $24 in the same breath, and the attempt of the first row of
 * each ($22) is stored with the row: what is on its way to the desk at once needs neither a claim nor a commit for its
 * attempt. Nobody may have held the lane since this statement's picture, or binding and events would be older than it.
 */
const rows = (takes: boolean): string => `
with page as (
  insert into pages (day, sealed) select current_date, $1 where $1::bytea is not null returning day, id
), merged as materialized (
  select id, merged_into from lanes where merged_into is not null and id = any ($5::bigint[])
), ${takes ? ASLEEP : ''} ins as (
  insert into events (day, number_id, key, kind, lane_id, ord, occurred_at, received_at, page_day, page_id, page_offset, page_length,
    state, code, done_at${takes ? ', attempts, attempt_at, attempt' : ''})
  select (to_timestamp(i.day_at) at time zone 'utc')::date, i.number_id, i.key, i.kind,
    coalesce((select m.merged_into from merged m where m.id = i.lane_id), i.lane_id),
    i.ord, to_timestamp(i.occurred), statement_timestamp() - make_interval(secs => i.age / 1000.0), coalesce(i.page_day, p.day),
    coalesce(i.page_id, p.id), i.page_offset, i.page_length, i.state, i.code,
    case when i.state = 0 then null else now() end${takes ? TRIED : ''}
  from unnest($2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::float8[], $8::int[],
    $9::int[], $10::smallint[], $11::text[], $12::float8[], $13::float8[], $20::date[], $21::bigint[]${takes ? ', $22::boolean[]' : ''}) with ordinality
    as i(number_id, key, kind, lane_id, ord, occurred, page_offset, page_length, state, code, day_at, age, page_day,
      page_id${takes ? ', is_first' : ''}, n) left join page p on true${takes ? ' left join asleep a on a.id = i.lane_id and i.is_first' : ''}
  order by i.n
  on conflict do nothing
  returning ${takes ? '*' : 'lane_id, state'}
), lane_due as (
  update lanes l set arrivals = l.arrivals + w.n,${takes ? TAKEN : ''}
    due_at = case ${takes ? `when a.id is not null then statement_timestamp() + ${LEASE}` : ''} when w.hold < 0 then statement_timestamp()
      else coalesce(l.due_at, statement_timestamp() + make_interval(secs => w.hold / 1000.0)) end,
    window_from = greatest(l.window_from, to_timestamp(w.opened)),
    -- An older message that comes again is not the last one.
    last_wamid = case when w.wamid is null or to_timestamp(w.latest) < l.window_from then l.last_wamid else w.wamid end
  from (
    select coalesce((select m.merged_into from merged m where m.id = u.lane_id), u.lane_id) as lane_id, sum(u.n) as n,
      min(u.hold) as hold, max(u.opened) as opened, max(u.latest) as latest,
      (array_agg(u.wamid order by u.latest desc) filter (where u.wamid is not null))[1] as wamid
    from unnest($14::bigint[], $15::int[], $16::float8[], $17::float8[], $18::float8[], $19::text[])
      as u(lane_id, n, hold, opened, latest, wamid)
    group by 1
  ) w${takes ? ' left join asleep a on a.id = w.lane_id' : ''}
  where l.id = w.lane_id and w.lane_id = any (array(select lane_id from ins where state = 0))
  returning ${takes ? 'l.*, a.id is not null as taken' : 'l.number_id, l.customer_id'}, w.opened
), parked_due as (
  update lanes o set due_at = clock_timestamp(), arrivals = o.arrivals + 1
  from lane_due d
  where d.opened is not null and o.number_id = d.number_id and o.customer_id = d.customer_id and o.outbound and o.parked > 0
)
select (select count(*)::int from ins) as stored, p.day::text as stored_day, p.id as stored_page${takes ? ', t.*' : ''}
from (select 1) one left join page p on true${takes ? LANES_TAKEN : ''}`

const LEASE = 'make_interval(secs => $25)'

const ASLEEP = `asleep as materialized (
  select l.id, l.fence, b.conversation_id, b.last_message_id
  from lanes l join lanes s on s.id = l.id and s.fence = l.fence and s.owner is null
  left join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
  where l.id = any ($23::bigint[]) and l.owner is null and l.due_at is null and l.merged_into is null
  for no key update of l skip locked
),`

const TRIED = `,
    case when a.conversation_id is null then 0 else 1 end,
    case when a.conversation_id is not null then clock_timestamp() end,
    case when a.conversation_id is not null then ${attemptOfClaim('a.id', '(a.fence + 1)', 'a.conversation_id', 'a.last_message_id')} end`

const TAKEN = `
    owner = case when a.id is null then l.owner else $24::uuid end,
    fence = case when a.id is null then l.fence else l.fence + 1 end,
    lease_until = case when a.id is null then l.lease_until else statement_timestamp() + ${LEASE} end,`

const LANES_TAKEN = `
left join (
  select ${LANE_COLUMNS}, l.window_from, l.last_wamid, e.*
  from lane_due l
  join customers c on c.id = l.customer_id
  left join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
  join lateral (select ${EVENT_COLUMNS} from ins e where e.lane_id = l.id and e.state = 0) e on true
  where l.taken
) t on true
order by t.lane_id, t.ord, t.seq`

export const ROWS = rows(false)
export const ROWS_TAKING = rows(true)

/**
 * Joins statuses into receipts by rank. A status that carries our attempt id settles the attempt, whatever became of
 * the answer to the send; its lane is woken.
 */
export const STATUSES = `
with input as (
  select * from unnest($1::int[], $2::text[], $3::smallint[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
    $8::float8[], $9::jsonb[], $10::jsonb[], $11::uuid[])
    as t(number_id, wamid, rank, sent, delivered, read, played, failed, failure, pricing, reference)
), settled as (
  update parts p set state = 1, wamid = i.wamid, code = null
  from input i where i.reference is not null and p.attempt_id = i.reference and p.number_id = i.number_id and p.state in (0, 3)
  returning p.number_id, p.message_id, p.generation, p.part, p.wamid
), named as (
  select i.*, coalesce(s.message_id, p.message_id) as message_id, coalesce(s.generation, p.generation) as generation,
    coalesce(s.part, p.part) as part
  from input i
  left join settled s on s.number_id = i.number_id and s.wamid = i.wamid
  left join parts p on i.reference is not null and p.attempt_id = i.reference and p.number_id = i.number_id
), up as (
  insert into receipts as r (number_id, wamid, rank, sent_at, delivered_at, read_at, played_at, failed_at, failure, pricing,
    message_id, generation, part)
  select number_id, wamid, rank, to_timestamp(sent), to_timestamp(delivered), to_timestamp(read), to_timestamp(played),
    to_timestamp(failed), failure, pricing, message_id, generation, part
  from named order by number_id, wamid
  on conflict (number_id, wamid) do update set
    rank = greatest(r.rank, excluded.rank),
    sent_at = coalesce(r.sent_at, excluded.sent_at),
    delivered_at = coalesce(r.delivered_at, excluded.delivered_at),
    read_at = coalesce(r.read_at, excluded.read_at),
    played_at = coalesce(r.played_at, excluded.played_at),
    failed_at = coalesce(r.failed_at, excluded.failed_at),
    failure = coalesce(r.failure, excluded.failure),
    pricing = coalesce(r.pricing, excluded.pricing),
    message_id = coalesce(r.message_id, excluded.message_id),
    generation = coalesce(r.generation, excluded.generation),
    part = coalesce(r.part, excluded.part)
  returning number_id, message_id, rank
), shown as (
  update deliveries d set
    tick_due_at = case when u.failed then least(coalesce(d.tick_due_at, 'infinity'), clock_timestamp())
      else coalesce(d.tick_due_at, clock_timestamp() + make_interval(secs => $12 / 1000.0)) end,
    tick_version = d.tick_version + 1
  from (select number_id, message_id, max(rank) as rank, bool_or(rank = 2) as failed from up
        where message_id is not null group by 1, 2) u
  where d.number_id = u.number_id and d.message_id = u.message_id and (u.rank >= 2 or d.told = 'failed' or d.state = 'uncertain')
  returning d.lane_id
)
update lanes l set due_at = clock_timestamp(), arrivals = l.arrivals + 1
from (select distinct d.lane_id from settled s join deliveries d on d.number_id = s.number_id and d.message_id = s.message_id) w
where l.id = w.lane_id`

/** What the desk says about a conversation; hooks overtake each other, and the youngest picture counts. */
export const CONVERSATION = `
update bindings b set conversation_status = p.status, status_at = coalesce(p.at, b.status_at)
from (select $3::text as status, to_timestamp($4::float8) as at) p
where b.number_id = $1 and b.conversation_id = $2 and (b.status_at is null or p.at is null or p.at >= b.status_at)`

/**
 * The same of several. Who waits for a row while holding others may wait in a circle with those who need them in another
 * order, until PostgreSQL notices after a second: so rows that somebody else is changing are left out, and named (by `n`).
 */
export const CONVERSATIONS = `
with pictures as (
  select distinct on (number_id, conversation_id) number_id, conversation_id, status, to_timestamp(at) as at, n
  from unnest($1::int[], $2::bigint[], $3::text[], $4::float8[]) with ordinality as t(number_id, conversation_id, status, at, n)
  order by number_id, conversation_id, at desc nulls last, n desc
), newer as (
  select b.number_id, b.customer_id, p.status, p.at, p.n from bindings b join pictures p using (number_id, conversation_id)
  where b.status_at is null or p.at is null or p.at >= b.status_at
), free as (
  select b.number_id, b.customer_id, newer.n from bindings b join newer using (number_id, customer_id)
  for no key update of b skip locked
), noted as (
  update bindings b set conversation_status = newer.status, status_at = coalesce(newer.at, b.status_at)
  from newer join free using (number_id, customer_id)
  where b.number_id = newer.number_id and b.customer_id = newer.customer_id
    and (b.status_at is null or newer.at is null or newer.at >= b.status_at)
)
select n::int from newer where n not in (select n from free)`
