import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { directionsOf, listBreakpoints, listMoments, listUnreadable } from '../fault/breakpoints.ts'

t.test('breakpoints are read from the source, each name once, also in folders below', async t => {
  const folder = t.testdir({
    'one.ts': `bridge.breakpoint('in.first')\nif (x) bridge.breakpoint( 'shared' )\n`,
    'two.js': `bridge.breakpoint('not.typescript')`
  })
  mkdirSync(join(folder, 'deep'))
  writeFileSync(join(folder, 'deep', 'three.ts'), `injected.breakpoint?.('late')\nbridge.breakpoint('shared')\n`)
  t.same(listBreakpoints([folder]).sort(), ['in.first', 'late', 'shared'])
})

t.test('a breakpoint whose name is not written out is found out, with its place', async t => {
  const folder = t.testdir({
    'good.ts': [
      'breakpoint(name: string): void',
      'breakpoint?: (name: string) => void',
      'breakpoint: injected.breakpoint ?? (() => {}),',
      `bridge.breakpoint("in.quoted")`,
      'bridge.breakpoint(`in.ticked`)',
      `injected.breakpoint?.('in.optional')`,
      `const then = () => deps.breakpoint(\n  'in.wrapped'\n)`
    ].join('\n'),
    'one.ts': `bridge.breakpoint(name)\nbridge.breakpoint('good')\nbridge.breakpoint(\`lane.\${what}\`)\n`,
    'two.ts': "injected.breakpoint?.(NAME)\nbridge.breakpoint('a' + 'b')\n",
    'three.ts': "const stop = bridge.breakpoint\nbridge['breakpoint']('x')\nconst { breakpoint: halt } = bridge\n",
    'four.ts': 'const { clock, breakpoint } = bridge\n'
  })
  t.same(
    listBreakpoints([folder]).filter(name => name.startsWith('in.')),
    ['in.quoted', 'in.ticked', 'in.optional', 'in.wrapped']
  )
  const found = listUnreadable([folder])
  t.same(
    [...new Set(found)].sort(),
    ['four.ts:1', 'one.ts:1', 'one.ts:3', 'three.ts:1', 'three.ts:2', 'three.ts:3', 'two.ts:1', 'two.ts:2'].sort()
  )
  t.same(listUnreadable(), [], 'the product has none')
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
