/** What several processes make of one ceiling: the parts add up to it, and a newcomer takes nothing before it is counted. */
import t from 'tap'
import { partOf } from '../../adapters/postgres/processes.ts'

t.test('the parts of all add up to the ceiling, none differs by more than one', async t => {
  for (const ceiling of [1, 2, 8, 63, 64, 80, 1_000]) {
    for (const of of [1, 2, 3, 7, 100]) {
      const parts = Array.from({ length: of }, (_, index) => partOf(ceiling, { index, of, settled: true }))
      t.equal(
        parts.reduce((sum, part) => sum + part, 0),
        ceiling,
        `${ceiling} among ${of}`
      )
      t.ok(Math.max(...parts) - Math.min(...parts) <= 1)
    }
  }
})

t.test('who has just come has no part while others may not have seen it', async t => {
  t.equal(partOf(64, { index: 1, of: 2, settled: false }), 0)
})
