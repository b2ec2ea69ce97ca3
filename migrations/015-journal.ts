// The journal: pages of webhooks that are acknowledged and not yet sorted into events. Small, and mostly empty.
import type { Knex } from 'knex'
import { RECORD } from './001-record.ts'

export const name = '015-journal'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table journal (
      page_id bigint primary key,
      page_day date not null,
      process uuid not null,
      -- Bytes of each webhook, in the order in which they lie in the page.
      lengths int[] not null
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
  `)
  await knex.raw(RECORD)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table journal')
}
