// Templates: our copy of what Meta lists, per WABA; who keeps it in step; what was written into each inbox.
import type { Knex } from 'knex'

export const name = '002-templates'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table templates (
      waba_id text not null,
      name text not null,
      language text not null,
      id text not null,
      status text not null,
      category text not null,
      parameter_format text,
      rejected_reason text,
      quality_score text,
      components jsonb not null,
      changed_at timestamptz not null default now(),
      primary key (waba_id, name, language)
    );

    create table template_accounts (
      waba_id text primary key,
      -- Somebody said that something changed; a reading that began before does not count.
      wanted_at timestamptz not null default now(),
      due_at timestamptz not null default now(),
      started_at timestamptz,
      read_at timestamptz,
      owner uuid,
      lease_until timestamptz,
      -- Of the last reading, when it failed.
      code text
    );

    create table template_mirrors (
      number_id int primary key,
      shown int not null,
      left_out int not null,
      looked_at timestamptz not null default now(),
      written_at timestamptz,
      code text
    )`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table if exists templates, template_accounts, template_mirrors')
}
