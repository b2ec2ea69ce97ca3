/** P7: settings of PostgreSQL by which commits could be lost or refused: read-only, fsync, synchronous_commit. */
import pg from 'pg'
import { knock } from './rows-postgres.ts'
import { eventually, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Runs statements as the owner of the server, one after the other. */
async function asOwner(world: World, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: world.database.direct('postgres') })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The process says why it does not start. */
async function startRefused(world: World, setting: string): Promise<string[]> {
  const started = await world.start().then(
    () => true,
    () => false
  )
  world.crashes.length = 0
  const said = world.log.join('')
  return [
    ...(started ? [`a process started although ${setting} is wrong`] : []),
    ...(said.includes('database_unsafe') && said.includes(setting) ? [] : [`the refusal does not name ${setting}`])
  ]
}

export const SETTING_ROWS: Scenario[] = [
  {
    id: 'P7',
    fault: 'PostgreSQL read-only',
    moment: 'while running, and at the start',
    quick: true,
    async play(world) {
      const wrong: string[] = []
      const set = async (value: string): Promise<void> => {
        const client = new pg.Client({ connectionString: world.database.direct('postgres') })
        await client.connect()
        await client.query(`alter database ${world.name} set default_transaction_read_only = ${value}`)
        await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${world.name}'`)
        await client.end()
      }
      await world.load.say('before', world.load.newPhone())
      await set('on')
      const saying = world.load.say('during', world.load.newPhone())
      if ((await knock(world)).status !== 503) wrong.push('took a webhook that it could not store')
      const started = await world.start().then(
        () => true,
        () => false
      )
      if (started) wrong.push('a process started on a read-only database')
      world.crashes.length = 0
      await set('off')
      await saying
      return wrong
    }
  },
  {
    id: 'P7',
    alone: true,
    fault: 'PostgreSQL comes back as a hot standby',
    moment: 'while running, and at the start',
    allows: { uncertain: 'dead' },
    async play(world) {
      const wrong: string[] = []
      await world.load.say('before', world.load.newPhone())
      await world.settle(20_000)
      await world.database.stopAtOnce()
      await world.database.startAsStandby()
      const [row] = await world.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
      if (row!.standby !== true) wrong.push('the server is no standby')
      const saying = world.load.say('during', world.load.newPhone())
      const answer = await knock(world)
      if (answer.status !== 503) wrong.push(`answered ${answer.status} although nothing can be stored`)
      const ready = await fetch(`${world.publicUrl}/readyz`, { signal: AbortSignal.timeout(8_000) })
      if (ready.status !== 503) wrong.push(`readiness ${ready.status} on a standby`)
      wrong.push(...(await startRefused(world, 'read_only')))
      await world.database.stopAtOnce()
      await world.database.startAgain()
      if (!(await eventually(async () => (await knock(world)).status === 200, 10_000)))
        wrong.push('not healed within 10 s after it became the primary again')
      await saying
      return wrong
    }
  },
  {
    id: 'P7',
    alone: true,
    fault: 'fsync off',
    moment: 'at the start of a process',
    quick: true,
    async play(world) {
      await world.kill(world.puentes.at(-1)!)
      await world.database.stopAtOnce()
      await world.database.startAgain({ durable: false })
      const wrong = await startRefused(world, 'fsync')
      await world.database.stopAtOnce()
      await world.database.startAgain()
      await world.start()
      await world.load.say('after', world.load.newPhone())
      return wrong
    }
  },
  {
    id: 'P7',
    alone: true,
    fault: 'synchronous_commit off, Puente killed and PostgreSQL stopped at once',
    moment: 'right after the 200',
    quick: true,
    allows: { uncertain: 'dead' },
    async play(world, { quick }) {
      await asOwner(world, `alter database ${world.name} set synchronous_commit = off`)
      await world.kill(world.puentes.at(-1)!)
      await world.start()
      for (let run = 0; run < (quick ? 1 : 3); run++) {
        await Promise.all(Array.from({ length: 12 }, () => world.load.say('cut', world.load.newPhone())))
        await Promise.all([world.kill(world.puentes.at(-1)!), world.database.stopAtOnce()])
        await world.database.startAgain()
        await world.start()
      }
      return world.log.join('').includes('synchronous_commit is off') ? [] : ['nobody was told that it is off']
    }
  }
]
