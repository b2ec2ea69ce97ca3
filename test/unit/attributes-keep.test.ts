/** When notes about conversations are stored: a comfort, so seldom while messages are on their way. */
import t from 'tap'
import { createAttributeKeeper } from '../../plugin/core/attributes/keep.ts'
import type { Bridge } from '../../plugin/core/bridge.ts'
import type { AttributeNote } from '../../plugin/core/ports/attributes.ts'

t.test('notes stay in memory for some beats, and for more while the desk is called', async t => {
  let inFlight = 0
  const stored: number[] = []
  const bridge = {
    times: { deskAttributesMs: 600_000 },
    timeFactor: 1,
    registry: { numbers: () => [{ deskId: 1 }] },
    permits: () => ({ inFlight: () => inFlight, waiting: () => 0 }),
    gates: { state: () => ({}) },
    attributeStore: { note: async (notes: AttributeNote[]) => void stored.push(notes.length) }
  } as unknown as Bridge
  const keeper = createAttributeKeeper(bridge)
  const beats = async (count: number): Promise<void> => {
    for (let beat = 0; beat < count; beat++) await keeper.run()
  }
  const note = (conversationId: number): void => keeper.note(1, conversationId, { n: conversationId })
  note(1)
  note(2)
  note(1)
  await beats(4)
  t.same(stored, [])
  await beats(1)
  t.same(stored, [2], 'one row for each conversation')

  inFlight = 3
  note(1)
  await beats(29)
  t.same(stored, [2])
  await beats(1)
  t.same(stored, [2, 1], 'not for ever')

  for (let n = 0; n < 10_000; n++) note(n)
  await beats(1)
  t.equal(
    stored.slice(2).reduce((sum, each) => sum + each, 0),
    10_000,
    'nor more than memory should hold'
  )
  inFlight = 0
  note(1)
  await beats(5)
  t.equal(stored.at(-1), 1)
})
