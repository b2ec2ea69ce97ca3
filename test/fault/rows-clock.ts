/**
 * T1: clocks that jump. First the wall clocks of the processes, each another way and in another time zone; then
 * PostgreSQL's own, by functions of the same names that stand before the built-in ones.
 */
import pg from 'pg'
import { keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
import type { World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function wallClocks(trueTimes: boolean): Scenario {
  return {
    id: 'T1',
    fault: 'wall clocks jump by ±1 h and ±1 day, in zones with summer time',
    moment: `two processes, each its own way, under load in both directions${trueTimes ? ', true times' : ''}`,
    quick: !trueTimes,
    trueTimes,
    patienceMs: trueTimes ? 180_000 : 60_000,
    processes: 0,
    async play(world, { quick }) {
      await asOwner(world, `alter database ${world.name} set timezone = 'America/Sao_Paulo'`)
      const here = await world.start({ timeZone: 'Europe/Berlin' })
      const there = await world.start({ timeZone: 'America/New_York' })
      const chats = await world.load.openChats('setup', trueTimes ? 12 : 4)
      const idle = await talkUntilShared(world, chats)
      const stopTalking = keepTalking(world, chats)
      for (const ms of [HOUR_MS, -2 * HOUR_MS, HOUR_MS + DAY_MS, -2 * DAY_MS, DAY_MS]) {
        await here.jumpClock(ms)
        await there.jumpClock(-ms)
        await pause(quick ? 800 : 2_500)
      }
      // They stay wrong, an hour behind and a day ahead.
      await here.jumpClock(-HOUR_MS)
      await there.jumpClock(DAY_MS)
      await pause(1_000)
      await stopTalking()
      await world.settle(trueTimes ? 120_000 : 45_000)
      return [...idle, ...(await notDelivered(world)), ...(await tooFarAhead(world))]
    }
  }
}

export const CLOCK_ROWS: Scenario[] = [
  wallClocks(false),
  wallClocks(true),
  {
    id: 'T1',
    fault: "PostgreSQL's clock steps ±1 h, then ±1 day",
    moment: 'two processes, under load in both directions, one of them killed after a step back',
    quick: true,
    patienceMs: 90_000,
    // By PostgreSQL's clock these were written an hour or a day ago, and come to light now: a person decides.
    allows: { uncertain: 'dead', shown: { most: 60, as: /failed too_old/ } },
    async play(world, { quick }) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.kill(world.puentes[0]!)
      const clock = await takeClock(world)
      try {
        const first = await world.start()
        await world.start()
        const chats = [chat!, ...(await world.load.openChats('more', 5))]
        const wrong = await talkUntilShared(world, chats)
        // The dedupe memory is shortened with all other times: a day must stay within it.
        for (const byMs of [HOUR_MS, DAY_MS * Math.min(1, 10 * world.timeFactor)]) {
          const stopTalking = keepTalking(world, chats)
          await pause(quick ? 800 : 2_000)
          await clock.step(byMs)
          await pause(quick ? 1_200 : 3_000)
          // What lay in the future is due again soon, also what a dead process held.
          await clock.step(0)
          if (byMs === HOUR_MS) {
            await world.kill(first)
            await world.start()
          }
          await pause(quick ? 1_200 : 3_000)
          await stopTalking()
          await world.settle(60_000)
          wrong.push(...(await tooFarAhead(world)))
        }
        return wrong
      } finally {
        await clock.end()
      }
    }
  }
]

/** With a clock that only Puente sees, nothing is early, late or out of its window. */
async function notDelivered(world: World): Promise<string[]> {
  const events = await world.query<{ code: string; n: number }>(
    `select code, count(*)::int as n from events where state <> 1 and code is not null group by 1`
  )
  const deliveries = await world.query<{ state: string; n: number }>(
    `select state, count(*)::int as n from deliveries where state <> 'sent' group by 1`
  )
  return [
    ...events.map(each => `${each.n} events ${each.code}`),
    ...deliveries.map(each => `${each.n} answers ${each.state}`)
  ]
}

/** Nothing waits for a time that no wait of Puente's is as long as. */
async function tooFarAhead(world: World): Promise<string[]> {
  const [far] = await world.query<{ lanes: number; events: number; ticks: number; processes: number }>(`select
    (select count(*)::int from lanes where greatest(due_at, lease_until) > pg_catalog.clock_timestamp() + interval '5 minutes') as lanes,
    (select count(*)::int from events where state = 0 and due_at > pg_catalog.clock_timestamp() + interval '5 minutes') as events,
    (select count(*)::int from deliveries where greatest(tick_due_at, tick_lease) > pg_catalog.clock_timestamp() + interval '5 minutes') as ticks,
    (select count(*)::int from processes where seen_at > pg_catalog.clock_timestamp() + interval '5 minutes') as processes`)
  return Object.entries(far!).flatMap(([what, n]) => (n > 0 ? [`${n} ${what} wait for a time that is far ahead`] : []))
}

async function asOwner(world: World, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: world.database.direct('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

interface FalseClock {
  /** PostgreSQL's clock is ahead of the real one by so much from now on. */
  step(byMs: number): Promise<void>
  end(): Promise<void>
}

/** Takes hold of the clock of a world's database: for connections that are opened from now on. */
async function takeClock(world: World): Promise<FalseClock> {
  const client = new pg.Client({ connectionString: world.database.direct(world.name) })
  await client.connect()
  await client.query(`
    create schema clock;
    create table clock.step (by interval not null);
    insert into clock.step values ('0');
    create function clock.clock_timestamp() returns timestamptz language sql volatile
      as $$ select pg_catalog.clock_timestamp() + (select by from clock.step) $$;
    create function clock.statement_timestamp() returns timestamptz language sql volatile
      as $$ select pg_catalog.statement_timestamp() + (select by from clock.step) $$;
    create function clock.now() returns timestamptz language sql volatile
      as $$ select pg_catalog.now() + (select by from clock.step) $$;
    do $$ declare c record; begin
      for c in select table_name, column_name from information_schema.columns
        where table_schema = 'public' and column_default like '%now()%'
          and table_name in (select relname from pg_class where relkind in ('r', 'p') and not relispartition)
      loop execute format('alter table %I alter column %I set default clock.now()', c.table_name, c.column_name); end loop;
    end $$;
    alter database ${world.name} set search_path = public, clock, pg_catalog`)
  return {
    async step(byMs) {
      await client.query(`update clock.step set by = make_interval(secs => ${byMs / 1000})`)
    },
    end: () => client.end()
  }
}
