// The bridge: desks, numbers, customers, lanes, stored events, deliveries, receipts, the id map and usage.
import type { Knex } from 'knex'
import { RECORD } from './001-record.ts'

export const name = '001-bridge'

/** Columns that hold texts, names, phones or tokens are `bytea` or end in `_sealed`: always sealed by the vault. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table installation (
      id uuid primary key,
      -- Keys the hashes of aliases; outlives a change of the master key.
      alias_key_sealed text not null,
      created_at timestamptz not null default now()
    );

    create table desks (
      id int generated always as identity primary key,
      url text not null,
      account_id int not null,
      token_sealed text not null,
      token_hint text not null,
      sandbox boolean not null default false,
      pace_limit real not null default 1,
      paused_code text,
      paused_at timestamptz,
      created_at timestamptz not null default now(),
      unique (url, account_id)
    );

    create table numbers (
      id int generated always as identity primary key,
      desk_id int not null references desks,
      phone_number_id text not null unique,
      waba_id text not null,
      app_id text,
      display_phone_number text not null default '',
      verified_name text,
      inbox_id int not null,
      inbox_key text not null unique,
      hook_secret_sealed text,
      token_sealed text not null,
      token_hint text not null,
      app_secrets_sealed text not null,
      verify_token_sealed text not null,
      graph_url text not null,
      graph_version text not null,
      policy jsonb not null default '{}',
      locale text not null default 'en',
      throughput_per_second int not null default 80,
      sandbox boolean not null default false,
      connected_at timestamptz not null default now(),
      disconnected_at timestamptz,
      paused_code text,
      paused_at timestamptz,
      paused_facts jsonb,
      changed_cursor timestamptz not null default now(),
      reconciled_at timestamptz,
      last_webhook_at timestamptz,
      last_hook_at timestamptz
    );

    -- Who takes part: ceilings and throughputs are shared out among the processes that live.
    create table processes (
      id uuid primary key,
      started_at timestamptz not null default now(),
      seen_at timestamptz not null default now()
    );

    create table customers (
      id bigint generated always as identity primary key,
      desk_id int not null,
      ids_sealed bytea not null,
      merged_into bigint,
      created_at timestamptz not null default now()
    );
    -- A keyed hash of a user id, wa_id or canonical phone: recognises without telling.
    create table aliases (
      desk_id int not null,
      hash bytea not null,
      customer_id bigint not null,
      primary key (desk_id, hash)
    );
    create index aliases_customer on aliases (customer_id);

    create table lanes (
      id bigint generated always as identity primary key,
      desk_id int not null,
      number_id int not null,
      customer_id bigint not null,
      outbound boolean not null,
      merged_into bigint,
      due_at timestamptz,
      arrivals bigint not null default 0,
      owner uuid,
      lease_until timestamptz,
      fence bigint not null default 0,
      strikes smallint not null default 0,
      window_from timestamptz,
      -- The same as far as it was worked: what the session of the next message is counted by.
      session_from timestamptz,
      last_wamid text,
      read_wamid text,
      parked int not null default 0,
      tokens real not null default 45,
      tokens_at timestamptz not null default now(),
      unique (number_id, customer_id, outbound)
    ) with (fillfactor = 60);
    create index lanes_due on lanes (due_at) where due_at is not null;

    create table bindings (
      number_id int not null,
      customer_id bigint not null,
      contact_id bigint,
      source_id text,
      conversation_id bigint,
      conversation_status text,
      last_message_id bigint not null default 0,
      seen_message_id bigint not null default 0,
      version int not null default 0,
      primary key (number_id, customer_id)
    ) with (fillfactor = 70);
    create index bindings_conversation on bindings (number_id, conversation_id);

    -- Raw payloads, sealed, many to a page: one authenticated encryption and one row for a whole group commit.
    create table pages (
      day date not null,
      id bigint generated always as identity,
      sealed bytea not null,
      primary key (day, id)
    ) partition by range (day);
    alter table pages alter column sealed set storage external;

    -- state: 0 waiting, 1 done, 2 set aside, 3 not delivered by rule (too old, nothing to do)
    create table events (
      day date not null,
      number_id int not null,
      key text not null,
      seq bigint generated always as identity,
      kind text not null,
      lane_id bigint,
      ord bigint not null default 0,
      occurred_at timestamptz not null,
      received_at timestamptz not null default now(),
      page_day date not null,
      page_id bigint not null,
      page_offset int not null,
      page_length int not null,
      state smallint not null default 0,
      due_at timestamptz,
      attempts smallint not null default 0,
      attempt jsonb,
      attempt_at timestamptz,
      code text,
      facts jsonb,
      done_at timestamptz,
      primary key (day, number_id, key)
    ) partition by range (day);
    create index events_waiting on events (lane_id, ord, seq) where state = 0;
    create index events_aside on events (number_id, seq) where state = 2;

    -- state: queued, sent, failed, parked, uncertain, recalled
    create table deliveries (
      number_id int not null,
      message_id bigint not null,
      conversation_id bigint not null,
      customer_id bigint not null,
      lane_id bigint not null,
      generation smallint not null default 1,
      state text not null default 'queued',
      code text,
      facts jsonb,
      parts smallint not null default 0,
      human boolean not null default false,
      page_day date not null,
      page_id bigint not null,
      page_offset int not null,
      page_length int not null,
      created_at timestamptz not null default now(),
      written_at timestamptz not null,
      parked_at timestamptz,
      uncertain_at timestamptz,
      told text not null default 'sent',
      told_code text,
      told_at timestamptz,
      tick_due_at timestamptz,
      tick_version int not null default 0,
      tick_lease timestamptz,
      primary key (number_id, message_id)
    ) with (fillfactor = 70);
    create index deliveries_tick on deliveries (tick_due_at) where tick_due_at is not null;
    create index deliveries_open on deliveries (lane_id, message_id) where state in ('parked', 'uncertain');
    create index deliveries_old on deliveries (created_at);

    -- state: 0 attempted (outcome unknown), 1 accepted, 2 refused, 3 uncertain for good
    create table parts (
      number_id int not null,
      message_id bigint not null,
      generation smallint not null,
      part smallint not null,
      attempt_id uuid not null unique,
      attempt_at timestamptz not null,
      state smallint not null default 0,
      wamid text,
      code text,
      facts jsonb,
      primary key (number_id, message_id, generation, part)
    );

    -- One row for a wamid of ours, made by the outcome of the send or by its first status, whichever comes first.
    create table receipts (
      number_id int not null,
      wamid text not null,
      rank smallint not null default 0,
      sent_at timestamptz,
      delivered_at timestamptz,
      read_at timestamptz,
      played_at timestamptz,
      failed_at timestamptz,
      failure jsonb,
      pricing jsonb,
      message_id bigint,
      generation smallint,
      part smallint,
      created_at timestamptz not null default now(),
      primary key (number_id, wamid)
    ) with (fillfactor = 70);
    create index receipts_message on receipts (number_id, message_id) where message_id is not null;
    create index receipts_old on receipts (created_at);

    -- Rows in the desk that stand for a message of WhatsApp.
    create table id_map (
      number_id int not null,
      wamid text not null,
      message_id bigint not null,
      conversation_id bigint not null,
      page_day date,
      page_id bigint,
      page_offset int,
      page_length int,
      created_at timestamptz not null default now(),
      primary key (number_id, wamid)
    );
    create index id_map_message on id_map (number_id, message_id);
    create index id_map_old on id_map (created_at);

    create table media_cache (
      number_id int not null,
      hash bytea not null,
      media_id text not null,
      mime_type text not null,
      uploaded_at timestamptz not null default now(),
      primary key (number_id, hash)
    );

    create table usage (
      month date not null,
      at timestamptz not null,
      number_id int not null,
      wamid text not null,
      outbound boolean not null,
      origin text not null,
      in_session boolean not null,
      category text,
      template text,
      agent_id bigint,
      message_id bigint,
      pricing jsonb,
      primary key (month, number_id, wamid)
    ) partition by range (month);

    create table counters (
      day date not null,
      number_id int not null,
      name text not null,
      n bigint not null default 0,
      primary key (day, number_id, name)
    );
  `)
  await knex.raw(RESOLVE)
  await knex.raw(RECORD)
}

/**
 * Finds or makes the customer and both lanes for each identity handed in, in one round trip.
 * Input: per identity an index, a number, a desk, and its alias hashes (several rows of the same index, best first).
 * An identity whose aliases belong to two customers is answered with the older one and recorded for merging.
 */
const RESOLVE = `
  create table merges (
    desk_id int not null,
    loser bigint primary key,
    winner bigint not null,
    created_at timestamptz not null default now()
  );

  create function resolve_customers(
    idx int[], number_of int[], desk_of int[], ids_of bytea[], alias_idx int[], alias_hash bytea[]
  ) returns table (i int, customer bigint, lane_in bigint, lane_out bigint, known boolean)
  language plpgsql as $$
  declare
    k int;
    hashes bytea[];
    found_ids bigint[];
    winner bigint;
    was_known boolean;
  begin
    for k in 1 .. coalesce(array_length(idx, 1), 0) loop
      select array_agg(a.h order by a.ord) into hashes
        from unnest(alias_idx, alias_hash) with ordinality as a(x, h, ord) where a.x = idx[k];
      select array_agg(distinct coalesce(c.merged_into, c.id)) into found_ids
        from aliases al join customers c on c.id = al.customer_id
        where al.desk_id = desk_of[k] and al.hash = any (hashes);
      was_known := found_ids is not null;
      if found_ids is null or array_length(found_ids, 1) > 1
         or (select count(*) from aliases al where al.desk_id = desk_of[k] and al.hash = any (hashes)) < array_length(hashes, 1) then
        -- Something has to be written: one writer per desk at a time, then look again.
        perform pg_advisory_xact_lock(7411, desk_of[k]);
        select array_agg(distinct coalesce(c.merged_into, c.id)) into found_ids
          from aliases al join customers c on c.id = al.customer_id
          where al.desk_id = desk_of[k] and al.hash = any (hashes);
        was_known := found_ids is not null;
        if found_ids is null then
          insert into customers (desk_id, ids_sealed) values (desk_of[k], ids_of[k]) returning id into winner;
        else
          winner := (select min(f) from unnest(found_ids) f);
          insert into merges (desk_id, loser, winner)
            select desk_of[k], f, winner from unnest(found_ids) f where f <> winner
            on conflict (loser) do nothing;
        end if;
        insert into aliases (desk_id, hash, customer_id)
          select desk_of[k], h, winner from unnest(hashes) h on conflict do nothing;
      else
        winner := found_ids[1];
      end if;
      insert into lanes (desk_id, number_id, customer_id, outbound)
        values (desk_of[k], number_of[k], winner, false), (desk_of[k], number_of[k], winner, true)
        on conflict do nothing;
      i := idx[k];
      customer := winner;
      select l.id into lane_in from lanes l where l.number_id = number_of[k] and l.customer_id = winner and not l.outbound;
      select l.id into lane_out from lanes l where l.number_id = number_of[k] and l.customer_id = winner and l.outbound;
      known := was_known;
      return next;
    end loop;
  end $$;
`

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function resolve_customers; drop function record_work;
    drop table merges, counters, usage, media_cache, id_map, receipts, parts, deliveries, events, pages,
      bindings, lanes, aliases, customers, processes, numbers, desks, installation;
  `)
}
