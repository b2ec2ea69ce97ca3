// What Meta thinks of each number, read again on a slow beat and when Meta says that something changed; and who reads next.
import type { Knex } from 'knex'

export const name = '009-number-watch'

/** Only adds: processes of before and after this migration run side by side. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table number_accounts (
      waba_id text primary key,
      -- Connecting has just read what this reads again.
      due_at timestamptz not null default now() + interval '15 minutes',
      started_at timestamptz,
      -- When Meta last announced a change.
      wanted_at timestamptz,
      read_at timestamptz,
      owner uuid,
      lease_until timestamptz,
      -- Of the last reading, when it failed.
      code text
    );

    -- As Meta names them: CONNECTED, RESTRICTED …; AVAILABLE, LIMITED, BLOCKED and the codes of what hinders.
    alter table numbers add column status text;
    alter table numbers add column can_send text;
    alter table numbers add column health_codes int[] not null default '{}';`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table number_accounts;
    alter table numbers drop column status, drop column can_send, drop column health_codes;`)
}
