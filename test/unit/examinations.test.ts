/** Runs of the doctor for the admin pages: joined, one after another, the last one remembered. */
import t from 'tap'
import type { Examination } from '../../plugin/core/ports/oversight.ts'
import { createExaminations } from '../../plugin/http/admin/examinations.ts'

function makeDoctor() {
  const begun: (number | null)[] = []
  const open: { told: (about: string) => void; end: (found: Examination | Error) => void }[] = []
  return {
    begun,
    open,
    examine: (deskId: number | null, told: (about: string) => void) =>
      new Promise<Examination>((resolve, reject) => {
        begun.push(deskId)
        open.push({ told, end: found => (found instanceof Error ? reject(found) : resolve(found)) })
      })
  }
}

const found = (says: string): Examination => ({
  at: new Date(),
  findings: [{ id: 'x', state: 'ok', numberId: null, about: 'x', says, remedy: null }]
})
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('who asks for the same desk meanwhile joins, and hears at once what is looked at', async t => {
  const doctor = makeDoctor()
  const examinations = createExaminations(doctor)
  const heard: string[][] = [[], []]
  const first = examinations.run(1, about => heard[0]!.push(about))
  await turn()
  doctor.open[0]!.told('Chatwoot')
  const second = examinations.run(1, about => heard[1]!.push(about))
  t.ok(examinations.running(1))
  t.notOk(examinations.running(2))
  doctor.open[0]!.told('+34 600')
  doctor.open[0]!.end(found('one'))
  t.equal(await first, await second)
  t.same(heard, [
    ['Chatwoot', '+34 600'],
    ['Chatwoot', '+34 600']
  ])
  t.same(doctor.begun, [1])
  t.notOk(examinations.running(1))
})

t.test('another desk waits its turn; what one found is told to nobody else', async t => {
  const doctor = makeDoctor()
  const examinations = createExaminations(doctor)
  const one = examinations.run(1, () => {})
  const all = examinations.run(null, () => {})
  await turn()
  t.same(doctor.begun, [1], 'two probes at once would disturb each other')
  doctor.open[0]!.end(new Error('broken'))
  await t.rejects(one, { message: 'broken' })
  await turn()
  t.same(doctor.begun, [1, null], 'a failure holds nobody up')
  doctor.open[1]!.end(found('all'))
  t.match(await all, { findings: [{ says: 'all' }] })
  t.equal(examinations.last(1), null)
  t.match(examinations.last(null), { findings: [{ says: 'all' }] })
  t.equal(examinations.last(2), null)
})
