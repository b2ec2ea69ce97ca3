// Due lanes are found by an index for each desk's customers, and one for all answers: a crowd of the one kind is not read
// through for the sake of the other.
import type { Knex } from 'knex'

export const name = '017-claim-by-side'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index lanes_due;
    create index lanes_due_inbound on lanes (desk_id, due_at) where not outbound and due_at is not null;
    create index lanes_due_outbound on lanes (due_at) where outbound and due_at is not null;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index lanes_due_inbound;
    drop index lanes_due_outbound;
    create index lanes_due on lanes (due_at) where due_at is not null;
  `)
}
