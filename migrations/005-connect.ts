// Connecting: what was made for a number and for its desk (so that it can be undone), what was read about the number,
// what is proven, and who accepted which terms.
import type { Knex } from 'knex'

export const name = '005-connect'

/** Only adds: processes of before and after this migration run side by side. Names and phones are not in here. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What connecting made for this number, by step: {rule, folder, avatar, members, wabaSubscribed, appSubscription, …}
    alter table numbers add column made jsonb not null default '{}';
    -- Meta's id of the WABA's time zone and its IANA name; free quotas reset by it.
    alter table numbers add column time_zone_id text;
    alter table numbers add column time_zone text;
    alter table numbers add column quality text;
    alter table numbers add column messaging_limit text;
    alter table numbers add column on_business_app boolean not null default false;
    -- How changes of templates and of the account reach us: 'webhook' or 'poll'; null is not known.
    alter table numbers add column account_events text;
    alter table numbers add column facts_read_at timestamptz;
    -- A private note of ours came back through the signed hook; its id.
    alter table numbers add column hook_proven_at timestamptz;
    alter table numbers add column hook_probe uuid;
    -- A customer's message came in, and an answer got a status.
    alter table numbers add column inbound_proven_at timestamptz;
    alter table numbers add column answer_proven_at timestamptz;

    -- What connecting made once for the whole account: {label, app, definitions}
    alter table desks add column made jsonb not null default '{}';

    create table acceptances (
      id bigint generated always as identity primary key,
      phone_number_id text not null,
      -- Which text was accepted, by its date, and the addresses that it names.
      terms text not null,
      links jsonb not null,
      -- 'asked' or '--yes', and whose administrator token was used: a user id of the desk.
      how text not null,
      desk_url text not null,
      desk_user_id int not null,
      system_user_id text not null default '',
      accepted_at timestamptz not null default now()
    );
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table acceptances;
    alter table desks drop column made;
    alter table numbers drop column made, drop column time_zone_id, drop column time_zone, drop column quality,
      drop column messaging_limit, drop column on_business_app, drop column account_events, drop column facts_read_at,
      drop column hook_proven_at, drop column hook_probe, drop column inbound_proven_at, drop column answer_proven_at;
  `)
}
