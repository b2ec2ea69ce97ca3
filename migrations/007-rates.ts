// What each WABA paid for its messages lately, and who reads it next.
import type { Knex } from 'knex'

export const name = '007-rates'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table rate_accounts (
      waba_id text primary key,
      due_at timestamptz not null default now(),
      started_at timestamptz,
      read_at timestamptz,
      owner uuid,
      lease_until timestamptz,
      -- Of the last reading, when it failed.
      code text
    );

    create table paid_rates (
      waba_id text not null,
      country text not null,
      category text not null,
      -- Empty where Meta tells none.
      tier text not null,
      volume float8 not null,
      amount float8 not null,
      currency text not null,
      from_at timestamptz not null,
      to_at timestamptz not null,
      primary key (waba_id, country, category, tier)
    )`)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table if exists rate_accounts, paid_rates')
}
