// Small indexes for the acknowledging path: merged lanes and lanes with parked answers are few, and looked up often.
import type { Knex } from 'knex'

export const name = '006-hot-path'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index lanes_merged on lanes (id) where merged_into is not null;
    create index lanes_parked on lanes (number_id, customer_id) where outbound and parked > 0;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index lanes_merged; drop index lanes_parked')
}
