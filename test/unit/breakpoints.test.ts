import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { countUnnamedBreakpoints, directionsOf, listBreakpoints, listMoments } from '../fault/breakpoints.ts'

t.test('breakpoints are read from the source, each name once, also in folders below', async t => {
  const folder = t.testdir({
    'one.ts': `bridge.breakpoint('in.first')\nif (x) bridge.breakpoint( 'shared' )\n`,
    'two.js': `bridge.breakpoint('not.typescript')`
  })
  mkdirSync(join(folder, 'deep'))
  writeFileSync(join(folder, 'deep', 'three.ts'), `injected.breakpoint?.('late')\nbridge.breakpoint('shared')\n`)
  t.same(listBreakpoints([folder]).sort(), ['in.first', 'late', 'shared'])
})

t.test('a breakpoint whose name is not written out is found out', async t => {
  const folder = t.testdir({
    'one.ts': 'bridge.breakpoint(name)\nbridge.breakpoint("quoted")\nbridge.breakpoint(\'good\')\n'
  })
  t.equal(countUnnamedBreakpoints(folder), 2)
  t.equal(countUnnamedBreakpoints(), 0, 'the product has none')
})

t.test('every step boundary of both directions has a breakpoint', async t => {
  const names = listBreakpoints()
  for (const name of [
    'webhook.read',
    'webhook.verified',
    'webhook.committed',
    'hook.verified',
    'hook.committed',
    'lane.claimed',
    'lane.leaving',
    'lane.released',
    'desk.permit',
    'desk.attempted',
    'desk.answered',
    'inbound.contact_created',
    'inbound.conversation_created',
    'inbound.media_spooled',
    'outbound.permit',
    'outbound.attempted',
    'outbound.answered',
    'outbound.media_uploaded',
    'tick.told'
  ])
    t.ok(names.includes(name), name)
})

t.test('what both directions share is killed in both, and a name that nobody knows too', async t => {
  t.same(directionsOf('lane.claimed'), ['in', 'out'])
  t.same(directionsOf('brand.new'), ['in', 'out'])
  t.same(directionsOf('inbound.claimed'), ['in'])
  t.same(directionsOf('hook.committed'), ['out'])
  const moments = listMoments()
  t.equal(new Set(moments.map(each => `${each.name} ${each.direction}`)).size, moments.length)
  for (const name of listBreakpoints())
    t.ok(
      moments.some(each => each.name === name),
      `${name} belongs to a row`
    )
  for (const row of ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C9'])
    t.ok(
      moments.some(each => each.row === row),
      row
    )
})
