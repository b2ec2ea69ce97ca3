// Presses of macro hooks that sent nothing, exports by time, and whether customers may call a number.
import type { Knex } from 'knex'

export const name = '014-macro-hook-failures'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table macro_hook_failures (
      hook_id uuid not null references macro_hooks on delete cascade,
      conversation_id bigint not null,
      code text not null,
      -- For people, in the language of the number; names slots, never what stood in them.
      reason text not null,
      at timestamptz not null default now(),
      -- When a private note said so in the conversation.
      noted_at timestamptz not null default now(),
      primary key (hook_id, conversation_id)
    );
    create index macro_hook_failures_old on macro_hook_failures (at);

    create index instructions_export on instructions (desk_id, created_at, id) where external_ref is not null;

    -- Null: never read.
    alter table numbers add column calling boolean, add column calling_read_at timestamptz;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table numbers drop column calling, drop column calling_read_at;
    drop index instructions_export;
    drop table macro_hook_failures;
  `)
}
