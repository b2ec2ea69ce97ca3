// What is told late or out of order: since when a conversation has its status, by the desk's clock; and the index by
// which retention forgets uploads.
import type { Knex } from 'knex'

export const name = '011-late-words'

/** Only adds: processes of before and after this migration run side by side. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The desk's "updated_at" of whatever told the status last. An older picture of the conversation does not count.
    alter table bindings add column status_at timestamptz;
    create index media_cache_old on media_cache (uploaded_at);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index media_cache_old;
    alter table bindings drop column status_at;
  `)
}
