// What was refused lately and how many customers were written to first, found by an index; how templates were last filled.
import type { Knex } from 'knex'

export const name = '013-limits-and-mappings'

/** Only adds: processes of before and after this migration run side by side. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Conditions name only columns that a message which simply arrives never changes.
    create index usage_opened on usage (number_id, at) where outbound and not in_session;
    create index receipts_failed on receipts (number_id, created_at) where failed_at is not null;
    create index parts_limited on parts (number_id, attempt_at) where code = 'wa_spam_limited';

    alter table template_use add column mapping_sealed bytea;`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index usage_opened, receipts_failed, parts_limited;
    alter table template_use drop column mapping_sealed;`)
}
