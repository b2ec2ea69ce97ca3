// The function by which workers write down attempts, outcomes and releases: many lanes in one round trip and one commit.
// Input is a JSON object of arrays; each absent array costs nothing. See adapters/postgres/recorder.ts for the shapes.
// A later migration that changes it runs this text again. Events are named twice, by lists and by the join, and
// `state + 0` keeps the small indexes of what waits out of the choice: whatever PostgreSQL believes of the sizes of the
// tables (nothing, on the first day), it goes by the primary key.

export const RECORD = `
  create or replace function record_work(batch jsonb) returns jsonb language plpgsql as $$
  declare
    fenced jsonb := '[]'::jsonb;
    due_again int := 0;
    days date[];
    numbers int[];
    keys text[];
    moved bigint[] := '{}';
  begin
    if batch->'bindings' is not null then
      -- Both directions of a customer share the row: who changes it says from what (a release before 016 does not).
      with x as (
        select t.* from jsonb_to_recordset(batch->'bindings')
          as t(n int, cu bigint, contact bigint, source text, conv bigint, status text, last bigint, lane bigint, fence bigint,
            cas boolean, was bigint)
          -- What a worker believed that lost its lane may be older than what its successor has made.
          where exists (select 1 from lanes l where l.id = t.lane and l.fence = t.fence)
      ), changed as (
        update bindings b set
            contact_id = x.contact, source_id = x.source, conversation_id = x.conv,
            conversation_status = coalesce(x.status, b.conversation_status),
            last_message_id = case when x.conv is distinct from b.conversation_id
              then coalesce(x.last, 0) else greatest(b.last_message_id, x.last) end,
            seen_message_id = case when x.conv is distinct from b.conversation_id then 0 else b.seen_message_id end,
            version = b.version + 1
          from x where b.number_id = x.n and b.customer_id = x.cu
            and (x.cas is not true or b.conversation_id is not distinct from x.was)
          returning x.lane
      ), made as (
        insert into bindings (number_id, customer_id, contact_id, source_id, conversation_id, conversation_status,
            last_message_id, version)
          select n, cu, contact, source, conv, status, coalesce(last, 0), 1 from x
          where x.was is null and not exists (select 1 from bindings b where b.number_id = x.n and b.customer_id = x.cu)
          on conflict do nothing
          returning number_id, customer_id
      )
      select coalesce(array_agg(x.lane), '{}') into moved from x
        where x.lane not in (select lane from changed)
          and not exists (select 1 from made where made.number_id = x.n and made.customer_id = x.cu);
    end if;

    -- A worker that lost its lane may neither attempt nor complete: the fence number decides.
    if batch->'attempts' is not null then
      select array_agg(distinct d), array_agg(distinct n), array_agg(k) into days, numbers, keys
        from jsonb_to_recordset(batch->'attempts') as t(d date, n int, k text);
      with x as (
        select * from jsonb_to_recordset(batch->'attempts')
          as t(i int, d date, n int, k text, a jsonb, lane bigint, fence bigint)
      ), ok as (
        update events e set attempt = x.a, attempt_at = clock_timestamp(), attempts = e.attempts + 1
          from x join lanes l on l.id = x.lane and l.fence = x.fence
          -- An attempt towards the desk stands on the binding; what it would do has to be decided anew.
          where not (x.a->>'kind' is not null and x.lane = any (moved)) and e.day = any (days) and e.number_id = any (numbers) and e.key = any (keys)
            and e.day = x.d and e.number_id = x.n and e.key = x.k and e.state + 0 = 0
          returning x.i
      ) select fenced || coalesce(jsonb_agg(x.i), '[]'::jsonb) into fenced from x where x.i not in (select i from ok);
    end if;

    if batch->'part_attempts' is not null then
      with x as (
        select * from jsonb_to_recordset(batch->'part_attempts')
          as t(i int, n int, m bigint, g smallint, p smallint, id uuid, lane bigint, fence bigint)
      ), ok as (
        insert into parts as pt (number_id, message_id, generation, part, attempt_id, attempt_at)
          select x.n, x.m, x.g, x.p, x.id, clock_timestamp() from x join lanes l on l.id = x.lane and l.fence = x.fence
          on conflict (number_id, message_id, generation, part) do update
            set attempt_id = excluded.attempt_id, attempt_at = excluded.attempt_at, state = 0, code = null
            where pt.state = 2
          returning pt.attempt_id
      ) select fenced || coalesce(jsonb_agg(x.i), '[]'::jsonb) into fenced from x where x.id not in (select attempt_id from ok);
    end if;

    if batch->'aliases' is not null then
      -- An alias that belongs to somebody else shows that two customers are one.
      insert into merges (desk_id, loser, winner)
        select x.desk, greatest(a.customer_id, x.cu), least(a.customer_id, x.cu)
          from jsonb_to_recordset(batch->'aliases') as x(desk int, h text, cu bigint)
          join aliases a on a.desk_id = x.desk and a.hash = decode(x.h, 'base64') and a.customer_id <> x.cu
        on conflict do nothing;
      insert into aliases (desk_id, hash, customer_id)
        select desk, decode(h, 'base64'), cu from jsonb_to_recordset(batch->'aliases') as t(desk int, h text, cu bigint)
        on conflict do nothing;
    end if;

    if batch->'heads' is not null then
      update bindings b set last_message_id = greatest(b.last_message_id, x.last),
          conversation_status = coalesce(x.status, b.conversation_status)
        from (select n, cu, max(last) as last, max(status) as status
          from jsonb_to_recordset(batch->'heads') as t(n int, cu bigint, last bigint, status text) group by 1, 2) x
        where b.number_id = x.n and b.customer_id = x.cu;
    end if;

    if batch->'rows' is not null then
      insert into id_map (number_id, wamid, message_id, conversation_id, page_day, page_id, page_offset, page_length)
        select n, w, m, c, pd, pi, po, pl from jsonb_to_recordset(batch->'rows')
          as t(n int, w text, m bigint, c bigint, pd date, pi bigint, po int, pl int)
        on conflict do nothing;
    end if;

    if batch->'ids' is not null then
      update customers c set ids_sealed = decode(x.s, 'base64')
        from jsonb_to_recordset(batch->'ids') as x(cu bigint, s text) where c.id = x.cu;
    end if;

    if batch->'usage' is not null then
      insert into usage (month, at, number_id, wamid, outbound, origin, in_session, category, template, agent_id, message_id)
        select date_trunc('month', at)::date, at, n, w, o, origin, session, category, template, agent, m
          from jsonb_to_recordset(batch->'usage') as t(at timestamptz, n int, w text, o boolean, origin text,
            session boolean, category text, template text, agent bigint, m bigint)
        on conflict do nothing;
    end if;

    if batch->'deliveries' is not null then
      insert into deliveries as d (number_id, message_id, conversation_id, customer_id, lane_id, state, human,
          page_day, page_id, page_offset, page_length, written_at, told)
        select n, m, c, cu, lane, 'queued', human, pd, pi, po, pl, written, told
          from jsonb_to_recordset(batch->'deliveries') as t(n int, m bigint, c bigint, cu bigint, lane bigint,
            human boolean, pd date, pi bigint, po int, pl int, written timestamptz, told text)
        on conflict do nothing;
    end if;

    if batch->'part_outcomes' is not null then
      with x as (
        select * from jsonb_to_recordset(batch->'part_outcomes')
          as t(id uuid, s smallint, w text, code text, facts jsonb)
      ), p as (
        -- A status may have settled the part already; then it stays accepted.
        update parts pt set state = x.s, wamid = coalesce(x.w, pt.wamid), code = x.code, facts = x.facts
          from x where pt.attempt_id = x.id and (pt.state <> 1 or x.s = 1)
          returning pt.*
      ), r as (
        insert into receipts as rc (number_id, wamid, message_id, generation, part)
          select number_id, wamid, message_id, generation, part from p where state = 1 and wamid is not null
          on conflict (number_id, wamid) do update
            set message_id = excluded.message_id, generation = excluded.generation, part = excluded.part
          returning rc.number_id, rc.message_id, rc.rank
      )
      -- A status overtook our own commit: the tick is due.
      update deliveries d set tick_due_at = coalesce(d.tick_due_at, clock_timestamp() + interval '2 seconds'),
          tick_version = d.tick_version + 1
        from (select distinct number_id, message_id from r where rank >= 2) q
        where d.number_id = q.number_id and d.message_id = q.message_id;
    end if;

    if batch->'states' is not null then
      update deliveries d set
          state = x.s, code = x.code, facts = x.facts,
          parts = coalesce(x.parts, d.parts),
          generation = coalesce(x.g, d.generation),
          parked_at = case when x.s = 'parked' then coalesce(d.parked_at, x.at, clock_timestamp()) else null end,
          uncertain_at = case when x.s = 'uncertain' then coalesce(d.uncertain_at, clock_timestamp()) else null end,
          -- A row that the desk shows failed, and that has left after all, is put right.
          tick_due_at = case when x.tick is null and not (x.s = 'sent' and d.told = 'failed') then d.tick_due_at
            else least(coalesce(d.tick_due_at, 'infinity'), clock_timestamp() + make_interval(secs => coalesce(x.tick, 0) / 1000.0)) end,
          tick_version = d.tick_version + 1
        from jsonb_to_recordset(batch->'states') as x(n int, m bigint, s text, code text, facts jsonb, parts smallint,
          g smallint, tick int, at timestamptz)
        where d.number_id = x.n and d.message_id = x.m;
    end if;

    if batch->'done' is not null then
      select array_agg(distinct d), array_agg(distinct n), array_agg(k) into days, numbers, keys
        from jsonb_to_recordset(batch->'done') as t(d date, n int, k text);
      update events e set state = x.s, code = x.code, facts = x.facts, done_at = clock_timestamp()
        from jsonb_to_recordset(batch->'done')
          as x(d date, n int, k text, s smallint, code text, facts jsonb, lane bigint, fence bigint)
          join lanes l on l.id = x.lane and l.fence = x.fence
        where e.day = any (days) and e.number_id = any (numbers) and e.key = any (keys)
            and e.day = x.d and e.number_id = x.n and e.key = x.k and e.state + 0 = 0;
    end if;

    if batch->'later' is not null then
      select array_agg(distinct d), array_agg(distinct n), array_agg(k) into days, numbers, keys
        from jsonb_to_recordset(batch->'later') as t(d date, n int, k text);
      update events e set due_at = clock_timestamp() + make_interval(secs => x.ms / 1000.0), code = x.code, facts = x.facts,
          -- An attempt that certainly did nothing needs no looking up; how far the item had come stays known.
          attempt = case when x.void then e.attempt || '{"void": true}' else e.attempt end
        from jsonb_to_recordset(batch->'later')
          as x(d date, n int, k text, ms bigint, code text, facts jsonb, void boolean, lane bigint, fence bigint)
          join lanes l on l.id = x.lane and l.fence = x.fence
        where e.day = any (days) and e.number_id = any (numbers) and e.key = any (keys)
            and e.day = x.d and e.number_id = x.n and e.key = x.k and e.state + 0 = 0;
    end if;

    if batch->'paces' is not null then
      update lanes l set tokens = x.tokens, tokens_at = clock_timestamp()
        from jsonb_to_recordset(batch->'paces') as x(lane bigint, tokens real) where l.id = x.lane;
    end if;

    if batch->'windows' is not null then
      update lanes l set window_from = null
        from jsonb_to_recordset(batch->'windows') as x(n int, cu bigint, at timestamptz)
        where l.number_id = x.n and l.customer_id = x.cu and not l.outbound and l.window_from <= x.at;
    end if;

    if batch->'release' is not null then
      -- An arrival that the worker has not seen keeps the lane due.
      with freed as (
      update lanes l set owner = null, lease_until = null, strikes = x.strikes,
          session_from = greatest(l.session_from, x.session),
          read_wamid = coalesce(x.read, l.read_wamid),
          parked = (select count(*) from deliveries d where d.lane_id = l.id and d.state = 'parked'
            and d.parked_at is not null),
          -- Somebody pulled the lane while it was held (a status, an open window): that is urgent, an arrival is not.
          due_at = case
            when l.due_at < l.lease_until then clock_timestamp()
            when x.ms is not null then clock_timestamp() + make_interval(secs => x.ms / 1000.0)
            when l.arrivals <> x.seen then clock_timestamp()
            else null end
        from jsonb_to_recordset(batch->'release') as x(lane bigint, fence bigint, seen bigint, ms bigint, strikes smallint,
          session timestamptz, read text)
        where l.id = x.lane and l.fence = x.fence
        returning x.ms is null and l.due_at is not null as again
      ) select count(*) into due_again from freed where again;
    end if;

    return jsonb_build_object('fenced', fenced, 'moved', to_jsonb(moved), 'due', due_again);
  end $$;
`
