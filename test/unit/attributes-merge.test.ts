/** One hash, two owners: what we write keeps the keys of others, and what one of our writes undid is put back. */
import fc from 'fast-check'
import t from 'tap'
import { applyChanges, foreignOf, hear, isSame, OUR_KEYS, planWrite } from '../../plugin/core/attributes/merge.ts'
import type { AttributeState, Attributes } from '../../plugin/core/ports/attributes.ts'

const foreign = fc.dictionary(fc.constantFrom('plan', 'vip', 'order', 'note'), fc.oneof(fc.string(), fc.integer()))
const ours = fc.dictionary(fc.constantFrom(...OUR_KEYS), fc.string({ minLength: 1 }))

t.test('what is written holds our keys and exactly the keys that others had', async t => {
  fc.assert(
    fc.property(ours, foreign, ours, (mine, theirs, before) => {
      const whole = planWrite(mine, { now: { ...theirs, ...before } })
      const result = whole ?? { ...theirs, ...before }
      return isSame(foreignOf(result), theirs) && Object.entries(mine).every(([key, value]) => result[key] === value)
    })
  )
  t.equal(planWrite({ channel: 'whatsapp' }, { now: { plan: 'gold', channel: 'whatsapp' } }), null, 'nothing to do')
})

t.test('whatever somebody changes between the hook and our write is there in the end', async () => {
  fc.assert(
    fc.property(ours, foreign, foreign, foreign, (mine, base, meanwhile, later) => {
      let state: AttributeState = { now: base }
      let desk: Attributes = meanwhile
      const write = (): { from: Attributes; to: Attributes } | null => {
        const whole = planWrite(mine, state)
        if (whole === null) return null
        const change = { from: desk, to: whole }
        state = { now: whole, from: foreignOf(state.now), wrote: whole }
        desk = whole
        return change
      }
      // Our picture is `base`, the desk holds `meanwhile` already: our write undoes that.
      const first = write()
      if (first === null) return true
      // Before the hook of our write, somebody writes again (setting what is there already is no change, and no hook).
      const after = Object.fromEntries(Object.entries(later).filter(([key, value]) => !isSame(desk[key], value)))
      const second = { from: desk, to: { ...desk, ...after } }
      desk = second.to
      for (const changed of [first, second]) state = hear(mine, state, { current: desk, changed }).state
      for (let round = 0; round < 3; round++) {
        const change = write()
        if (change === null) break
        state = hear(mine, state, { current: desk, changed: change }).state
      }
      const expected = { ...meanwhile, ...after }
      return isSame(foreignOf(desk), expected) && planWrite(mine, state) === null
    }),
    { numRuns: 500 }
  )
})

t.test('the hook of our own write that undid nothing ends it', async t => {
  const wrote = { plan: 'gold', channel: 'whatsapp' }
  const known = { now: { plan: 'gold' }, from: { plan: 'gold' }, wrote }
  const heard = { current: wrote, changed: { from: { plan: 'gold' }, to: wrote } }
  t.match(hear({ channel: 'whatsapp' }, known, heard), { due: null, restores: false, state: { now: wrote } })
})

t.test('a late hook of a change that our write undid does not pass for ours', async t => {
  const wrote = { channel: 'whatsapp' }
  const known: AttributeState = { now: wrote, from: {}, wrote }
  // The desk builds its payload when the job runs: this hook is about plan=gold, and shows our write already.
  const late = hear({ channel: 'whatsapp' }, known, { current: wrote, changed: { from: {}, to: { plan: 'gold' } } })
  t.equal(late.due, null)
  const own = hear({ channel: 'whatsapp' }, late.state, {
    current: wrote,
    changed: { from: { plan: 'gold' }, to: wrote }
  })
  t.match(own, { due: 'now', restores: true, state: { want: { plan: 'gold' } } })
})

t.test('somebody who writes the hash whole without our keys makes them due later, not at once', async t => {
  t.match(hear({ channel: 'whatsapp' }, { now: { channel: 'whatsapp' } }, { current: { plan: 'x' }, changed: null }), {
    due: 'later'
  })
})

t.test('changes are carried over: set, changed and removed', async t => {
  t.same(applyChanges({ a: 1, b: 2, c: 3 }, { a: 1, b: 2 }, { a: 5, d: 4 }), { a: 5, c: 3, d: 4 })
})
