// An index whose condition names a column makes every change of that column write to all indexes of the table. What is
// parked or uncertain has its own time, which a message that simply leaves never touches.
import type { Knex } from 'knex'
import { RECORD } from './001-record.ts'

export const name = '008-hot-deliveries'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index deliveries_kept on deliveries (lane_id, message_id)
      where parked_at is not null or uncertain_at is not null;
    drop index deliveries_open;
    alter table parts set (fillfactor = 80);
  `)
  await knex.raw(RECORD)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create index deliveries_open on deliveries (lane_id, message_id) where state in ('parked', 'uncertain');
    drop index deliveries_kept;
    alter table parts reset (fillfactor);
  `)
}
