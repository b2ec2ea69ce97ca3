/** What the sandbox page makes of ledger and text, without a browser. */
import t from 'tap'
import { faultPresets, isOn, toggleFault } from '../../adapters/sandbox/page/src/shell/fault-presets.ts'
import { renderMarkdown } from '../../adapters/sandbox/page/src/text/desk-markdown.ts'
import { readMarkup } from '../../adapters/sandbox/page/src/text/whatsapp-markup.ts'
import { describeEntry } from '../../adapters/sandbox/page/src/timeline/describe-entry.ts'
import { deskKey, groupLedger } from '../../adapters/sandbox/page/src/timeline/group-ledger.ts'
import { linkAnswers, readSent } from '../../adapters/sandbox/page/src/timeline/link-answers.ts'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'

let n = 0
const line = (given: Partial<LedgerEntry>): LedgerEntry => ({
  n: ++n,
  at: n * 10,
  side: 'graph',
  what: 'effect',
  name: 'say',
  ids: {},
  ...given
})

t.test('lines of one message are one story, also when only a later line names both ids', async t => {
  const entries = [
    line({ ids: { wamid: 'wamid.A' } }),
    line({ side: 'desk', name: 'message', ids: { messageId: 7 } }),
    line({ ids: { wamid: 'wamid.B' } }),
    line({ side: 'desk', what: 'call', name: 'POST /conversations', ids: { messageId: 7, sourceId: 'wamid.A' } })
  ]
  const { stories } = groupLedger(entries)
  t.equal(stories.length, 2)
  t.same(stories.find(story => story.keys.has('wamid.A'))?.entries.length, 3)
  t.ok(stories.find(story => story.keys.has(deskKey(7)))?.keys.has('wamid.A'))
})

t.test('a quoted message does not pull its story into the answer', async t => {
  const { stories } = groupLedger([
    line({ ids: { wamid: 'wamid.A' } }),
    line({ name: 'sent', ids: { wamid: 'wamid.B', contextId: 'wamid.A' } })
  ])
  t.equal(stories.length, 2)
})

t.test('a call stands before what it caused, although it is written down after it', async t => {
  const { stories } = groupLedger([
    line({ at: 100, name: 'sent', ids: { wamid: 'wamid.A' } }),
    line({ at: 100, what: 'call', name: 'POST /messages', tookMs: 0.4, ids: { wamid: 'wamid.A' } })
  ])
  t.same(
    stories[0]?.entries.map(entry => entry.what),
    ['call', 'effect']
  )
})

t.test('a contact made for a message belongs to its story; what is far away stays alone', async t => {
  const { stories, other } = groupLedger([
    line({ at: 1000, side: 'desk', what: 'call', name: 'POST /contacts', ids: { contactId: 5 } }),
    line({ at: 1100, side: 'desk', name: 'message', ids: { messageId: 7, contactId: 5 } }),
    line({ at: 99_000, side: 'desk', what: 'call', name: 'GET /contacts', ids: { contactId: 5 } })
  ])
  t.equal(stories[0]?.entries.length, 2)
  t.equal(other.length, 1)
})

t.test('answers are matched by customer and words, one each', async t => {
  const sent = (wamid: string, customer: string, body: string) =>
    line({ at: 500, name: 'sent', ids: { wamid, customer }, body: { type: 'text', text: { body } } })
  const desk = [1, 2].map(id => ({ id, at: 400, customer: 'ana', text: '**Yes**, it is', files: 0, isTemplate: false }))
  const links = linkAnswers(
    desk,
    readSent([
      sent('wamid.A', 'ana', '*Yes*, it is'),
      sent('wamid.B', 'ana', '*Yes*, it is'),
      sent('wamid.C', 'bo', '*Yes*, it is')
    ])
  )
  t.same(links, [
    [deskKey(1), 'wamid.A'],
    [deskKey(2), 'wamid.B']
  ])
})

t.test('a hook without an answer is told as trouble', async t => {
  const told = describeEntry(line({ what: 'hook', name: 'message', status: 0, tookMs: 5000 }))
  t.match(told, { tone: 'trouble', result: 'no answer after 5.0 s' })
})

t.test('switching a fault keeps those that others set', async t => {
  const preset = faultPresets[0]!
  const foreign = { id: 'x', on: 'call:desk', kind: 'delay' } as const
  const on = toggleFault(preset, [foreign])
  t.equal(on.length, 2)
  t.ok(isOn(preset, on))
  t.same(toggleFault(preset, on), [foreign])
  t.notOk(
    isOn(
      preset,
      on.map(fault => ({ ...fault, count: 0 }))
    ),
    'used up is off'
  )
})

t.test('WhatsApp marks count only at the edges of words, and never make HTML', async t => {
  t.same(readMarkup('2*3*4 <b>'), [{ kind: 'paragraph', children: [{ kind: 'text', text: '2*3*4 <b>' }] }])
  t.match(readMarkup('*bold _both_*'), [
    { children: [{ kind: 'bold', children: [{ kind: 'text' }, { kind: 'italic' }] }] }
  ])
  t.match(readMarkup('see https://example.com/a_b_c'), [{ children: [{ kind: 'text' }, { kind: 'link' }] }])
  t.match(readMarkup('> quoted\n- item'), [{ kind: 'quote' }, { kind: 'item', marker: '•' }])
})

t.test('the desk shows HTML as text, loads no pictures and needs no inline style', async t => {
  const html = renderMarkdown('<img src=x onerror=alert(1)> ![x](https://example.com/x.png)\n\n| a |\n|--:|\n| 1 |')
  t.notMatch(html, /<img/)
  t.notMatch(html, /style=/)
  t.match(html, 'data-align="right"')
  t.notMatch(renderMarkdown('[x](javascript:alert(1))'), /href/)
})
