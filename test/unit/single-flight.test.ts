/** Group commit: what goes together, and that PostgreSQL works on the next while those of the last are told. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createSingleFlight } from '../../adapters/postgres/single-flight.ts'

/** Items that wait, commits that end when they are told to, and a log of what happened in which order. */
function makeRig(halved = false) {
  const queue: string[] = []
  const log: string[] = []
  const land: (() => void)[] = []
  const flight = createSingleFlight<string>({
    take: most => (queue.length === 0 ? null : queue.splice(0, most)),
    async write(batch) {
      log.push(`write ${batch.length === 1 ? batch[0] : batch.length}`)
      await new Promise<void>(resolve => land.push(resolve))
      return () => log.push(`told ${batch.length === 1 ? batch[0] : batch.length}`)
    },
    ...(halved ? { comeBack: { waiting: () => queue.length } } : {})
  })
  const hand = (...items: string[]): void => {
    for (const item of items) {
      queue.push(item)
      flight.kick()
    }
  }
  const landOne = async (): Promise<void> => {
    land.shift()!()
    await turn()
  }
  return { flight, hand, log, land: landOne }
}

t.test('what is handed in within a turn goes together, what comes meanwhile into the next', async t => {
  const rig = makeRig()
  rig.hand('a', 'b', 'c')
  await turn()
  t.same(rig.log, ['write 3'])
  rig.hand('d')
  await turn()
  rig.hand('e')
  await turn()
  t.same(rig.log, ['write 3'], 'one at a time')
  await rig.land()
  t.same(rig.log, ['write 3', 'write 2', 'told 3'], 'the next is under way before those of the last are told')
  await rig.land()
  await rig.flight.landed()
  t.same(rig.log.slice(3), ['told 2'])
})

t.test('who hands in more when told is not forgotten', async t => {
  const queue = ['a']
  const told: string[] = []
  const flight = createSingleFlight<string>({
    take: () => (queue.length === 0 ? null : queue.splice(0)),
    write: async batch => () => {
      told.push(...batch)
      if (told.length < 3) {
        queue.push(`after ${batch[0]}`)
        flight.kick()
      }
    }
  })
  flight.kick()
  await flight.landed()
  t.same(told, ['a', 'after a', 'after after a'])
})

t.test('senders that come back are halved, so that neither they nor PostgreSQL wait for the other', async t => {
  const rig = makeRig(true)
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`)
  rig.hand('first')
  await turn()
  rig.hand(...many(63))
  await rig.land()
  t.same(rig.log, ['write first', 'write 32', 'told first'])
  rig.hand('first again')
  await rig.land()
  t.same(rig.log.slice(3), ['write 32', 'told 32'], 'half of those who wait and of those who will come back')
  rig.hand(...many(12))
  await rig.land()
  t.same(rig.log.slice(5), ['write 12', 'told 32'], 'a few are not worth two commits')
  await rig.land()
})
