// Webhooks of fields that nobody knows yet are counted, not set aside: nothing is wrong with them. An administrator sees
// them all the same, since an update of Puente may know them; few, so found by an index of their own.
import type { Knex } from 'knex'

export const name = '019-unknown-fields-seen'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`create index events_unknown on events (number_id, seq) where state = 3 and code = 'unknown_field'`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index events_unknown')
}
