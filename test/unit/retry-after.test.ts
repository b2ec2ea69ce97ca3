/** How long the other side asks us to wait, also when our clock is wrong. */
import t from 'tap'
import { readRetryAfter } from '../../adapters/http/retry-after.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const at = (text: string): string => new Date(text).toUTCString()

t.test('Retry-After', async t => {
  t.equal(readRetryAfter({}, NOW), undefined)
  t.equal(readRetryAfter({ 'retry-after': ' 17 ' }, NOW), 17)
  t.equal(readRetryAfter({ 'retry-after': ['3', '9'] }, NOW), 3)
  t.equal(readRetryAfter({ 'retry-after': 'soon' }, NOW), undefined)
  t.equal(readRetryAfter({ 'retry-after': at('2026-11-22T12:00:30Z') }, NOW), 30)
  t.equal(readRetryAfter({ 'retry-after': at('2026-11-22T11:00:00Z') }, NOW), 0)
  const theirs = { date: at('2026-11-22T15:00:00Z'), 'retry-after': at('2026-11-22T15:00:20Z') }
  t.equal(readRetryAfter(theirs, NOW), 20, "a date counts by the other side's clock")
})
