// Usage outlives what WhatsApp said of a message: when it sent and delivered it, and at what price, is kept beside it when
// that is forgotten (prices are per delivered message, and the month of a bill may be asked about two years later).
import type { Knex } from 'knex'

export const name = '018-usage-told'

export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table usage add column sent_at timestamptz, add column delivered_at timestamptz')
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table usage drop column sent_at, drop column delivered_at')
}
