// Conversation attributes that are kept in step, what is known of each desk, and what is wrong with an inbox.
import type { Knex } from 'knex'

export const name = '004-attributes'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What Puente says about a conversation, and the desk's attributes as the newest hook told them (sealed: others keep
    -- words and phones there).
    create table conversation_attributes (
      number_id int not null,
      conversation_id bigint not null,
      ours jsonb not null default '{}',
      state_sealed text,
      heard_at float8,
      wrote_at timestamptz,
      due_at timestamptz,
      touched_at timestamptz not null default now(),
      primary key (number_id, conversation_id)
    ) with (fillfactor = 70);
    create index conversation_attributes_due on conversation_attributes (due_at) where due_at is not null;
    create index conversation_attributes_old on conversation_attributes (touched_at);

    alter table desks
      add column if not exists version text,
      add column if not exists role text,
      add column if not exists looked_at timestamptz;

    -- hook_url: where the inbox sent its hooks when it was last well. inbox_trouble: what only a person can mend.
    alter table numbers
      add column if not exists hook_url text,
      add column if not exists inbox_trouble text[] not null default '{}';
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table conversation_attributes;
    alter table desks drop column version, drop column role, drop column looked_at;
    alter table numbers drop column hook_url, drop column inbox_trouble;
  `)
}
