// The binding of a customer is changed by compare and set: what the other direction has bound meanwhile is not overwritten.
import type { Knex } from 'knex'
import { RECORD } from './001-record.ts'

export const name = '016-binding-compared'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(RECORD)
}

/** The function of before would do; it has no text of its own any more, and this one serves older processes too. */
export async function down(): Promise<void> {}
