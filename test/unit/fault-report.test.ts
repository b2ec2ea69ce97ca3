import t from 'tap'
import { type FaultReport, findReportFault, judgeReport } from '../bench/faults.ts'
import { findUnanswered } from '../fault/oracle.ts'
import { emptyVerdict, isSlow, slow, toRow } from '../fault/report.ts'

const HEAD = { id: 'H6', fault: 'desk answers 422', moment: 'any time' }
const verdict = (more: object) => ({ ...emptyVerdict(), judged: 5, ...more })

t.test('a row holds only when every message was delivered', async t => {
  t.equal(toRow(HEAD, 1, verdict({}), 1).holds, true)
  for (const what of ['lost', 'doubled', 'reordered', 'misfiled', 'broken', 'shown', 'uncertain'])
    t.equal(toRow(HEAD, 1, verdict({ [what]: ['a-i1: set aside desk_invalid'] }), 1).holds, false, what)
  t.equal(toRow(HEAD, 1, verdict({}), 1, ['a process ended with 1']).holds, false)
})

t.test('what is only shown counts as held where the row says which reason, and how many', async t => {
  const shown = ['a-i1: desk_invalid']
  const allows = { shown: { most: 1, as: /desk_invalid$/ } }
  t.equal(toRow(HEAD, 1, verdict({ shown }), 1, [], allows).holds, true)
  t.equal(toRow(HEAD, 1, verdict({ shown: ['a-i1: internal'] }), 1, [], allows).holds, false, 'another reason')
  t.equal(toRow(HEAD, 1, verdict({ shown: [...shown, ...shown] }), 1, [], allows).holds, false, 'too many')
})

t.test('a known defect of a kept release is allowed so often as the row says, and nothing beside it', async t => {
  const known = { most: 1, as: /shows (sent|delivered), told is \1, WhatsApp said rank/ }
  const late = 'message 7 shows delivered, told is delivered, WhatsApp said rank 3'
  const holds = (...broken: string[]) => toRow(HEAD, 1, verdict({ broken }), 1, [], { known }).holds
  t.equal(holds(late), true)
  t.equal(holds(late, late), false, 'too often')
  t.equal(holds(late, 'app secret in the log'), false)
  t.equal(
    holds('message 7 shows sent, told is delivered, WhatsApp said rank 2'),
    false,
    'the desk has lost what was told'
  )
})

t.test('sends stay uncertain where a process died over them, and nowhere else', async t => {
  const uncertain = ['a-o1', 'a-o2']
  const explained = verdict({ uncertain })
  t.equal(toRow(HEAD, 1, explained, 1).holds, false)
  t.equal(toRow(HEAD, 1, explained, 1, [], { uncertain: 1 }).holds, false)
  t.equal(toRow(HEAD, 1, explained, 1, [], { uncertain: 2 }).holds, true)
  t.equal(toRow(HEAD, 1, explained, 1, [], { uncertain: 'dead' }).holds, true)
  const row = toRow(HEAD, 1, verdict({ uncertain, unexplained: ['a-o2'] }), 1, [], { uncertain: 'dead' })
  t.same([row.holds, row.because], [false, ['uncertain a-o2']])
  const hung = toRow(
    HEAD,
    1,
    verdict({ uncertain: [slow('a-o1 is uncertain, its call was cut off and never arrived')] }),
    1
  )
  t.same([hung.holds, hung.because.every(isSlow)], [false, true], 'a call that a hanging machine cut off is slowness')
})

t.test('a call was cut off when its process says so, and not otherwise', async t => {
  const line = (code: string, attempt: string): string =>
    `{"level":40,"number":1,"message":7,"code":"${code}","attempt":"${attempt}","msg":"send has no outcome yet"}`
  const torn = '{"level":40,"number":1,"message":7,"co'
  const log = [line('wa_no_answer', 'a1'), line('wa_temporary', 'a2'), torn + line('wa_no_answer', 'a3')].join('\n')
  t.same([...findUnanswered(log)], ['a1', 'a3'])
})

t.test('slowness is said last, so that nothing grave is cut off behind it', async t => {
  const row = toRow(HEAD, 1, verdict({ broken: ['app secret in the log'] }), 1, Array(30).fill(slow('waits')))
  t.equal(row.because[0], 'app secret in the log')
  t.ok(row.because.slice(1).every(isSlow))
})

t.test('B11 is held by a full report of this code in which no row is red', async t => {
  const row = { id: 'C4', runs: 1, lost: 0, doubled: 0, reordered: 0, misfiled: 0, holds: true }
  const report: FaultReport = { seed: 1, quick: false, only: null, rows: [row] }
  t.equal(findReportFault(report, 2, 1), undefined)
  t.equal(judgeReport(report, new Date()).holds, true)
  t.match(findReportFault({ ...report, quick: true }, 2, 1), /short/)
  t.match(findReportFault({ ...report, only: '^C4' }, 2, 1), /some rows/)
  t.match(findReportFault({ ...report, rows: [] }, 2, 1), /no rows/)
  t.match(findReportFault(report, 1, 2), /younger/)
  const red = judgeReport({ ...report, rows: [row, { ...row, id: 'I8', holds: false }] }, new Date())
  t.same([red.holds, red.measured], [false, '0 · 0 · 0 · 0'], 'a row that broke another law')
  t.equal(judgeReport({ ...report, rows: [{ ...row, lost: 1 }] }, new Date()).holds, false)
  t.equal(judgeReport({ ...report, rows: [{ ...row, holds: null }] }, new Date()).holds, false, 'nothing ran')
})
