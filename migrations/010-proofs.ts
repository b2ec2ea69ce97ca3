// What is proven holds for one way only: for which addresses, and since when. And the one-time addresses by which a desk
// shows that it reaches Puente, before anything is made in it.
import type { Knex } from 'knex'

export const name = '010-proofs'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Desk, inbox, hook address and callback for which the proofs of a number hold; others are proven anew.
    alter table numbers add column proofs_of text;
    -- What came before proves nothing; null: everything counts.
    alter table numbers add column proofs_from timestamptz;

    create table reach_probes (
      code uuid primary key,
      made_at timestamptz not null default now(),
      reached_at timestamptz
    );
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table reach_probes;
    alter table numbers drop column proofs_of, drop column proofs_from;
  `)
}
