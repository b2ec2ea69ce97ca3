// A code may be made where neither the conversation nor the agent is known: the signed note tells both.
import type { Knex } from 'knex'

export const name = '012-pairing-anywhere'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table pairings
      -- Null: the note may stand in any conversation of the desk.
      alter column conversation_id drop not null,
      -- Null: whoever writes the note.
      alter column agent_id drop not null;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from pairings where conversation_id is null or agent_id is null;
    alter table pairings alter column conversation_id set not null, alter column agent_id set not null;
  `)
}
