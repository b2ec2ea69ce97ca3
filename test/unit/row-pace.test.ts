/** The rows that Puente may write into one conversation in a minute, alone and with others. */
import t from 'tap'
import { createRowPaces } from '../../plugin/core/desk/row-pace.ts'
import { RULES } from '../../plugin/core/rules.ts'

const MOST = RULES.deskRowsPerMinute.value

t.test('so many in a minute, then as much waiting as the oldest of them asks for', async t => {
  let now = 0
  const pace = createRowPaces(() => now)
  for (let n = 0; n < MOST; n++) {
    t.equal(pace.take(1, 7), 0)
    now += 100
  }
  t.equal(pace.take(1, 7), 60_000 - MOST * 100 + 1)
  t.equal(pace.take(1, 8), 0, 'another conversation has its own')
  t.equal(pace.take(2, 7), 0, 'so has another desk')
  now = 60_001
  t.equal(pace.take(1, 7), 0, 'the oldest is a minute old')
})

t.test('several processes have a part each, and together no more than one alone', async t => {
  let processes = 2
  const both = [
    createRowPaces(
      () => 0,
      () => processes
    ),
    createRowPaces(
      () => 0,
      () => processes
    )
  ]
  let written = 0
  for (const pace of both) while (pace.take(1, 7) === 0) written++
  t.equal(written, MOST)
  processes = 3
  t.equal(both[0]!.take(1, 7), 60_001, 'a part that grew smaller is kept as well')
})
