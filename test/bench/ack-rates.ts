/**
 * R1 and R2: how many webhooks a second are taken durably, against a bare Fastify and against the same route that
 * verifies and parses but stores nothing. Delivery is paused, and so is sorting (what is stored is parsed then); the three
 * are interleaved in every round.
 */
import { type Answers, sendClosedLoop } from './load.ts'
import { startChild } from './processes.ts'
import { type Ground, openRig, phoneOf } from './rig.ts'
import { type Bar, median, ratioBar } from './table.ts'
import type { LoadCustomer } from './webhooks.ts'

const ROUNDS = 5
const PER_ROUND = 24_000
const CUSTOMERS = 10_000

export async function measureAcks(ground: Ground): Promise<Bar[]> {
  const rig = await openRig(ground, { paused: true })
  const hello = await startChild('test/bench/children/hello.ts')
  const helloPort = Number(new URL(hello.url).port)
  try {
    const customers = Array.from({ length: CUSTOMERS }, (_, index) => loadCustomer(index))
    // Everybody is known, code is warm, prepared statements are planned.
    await expectAll(
      sendClosedLoop(
        rig.port,
        customers.map(customer => rig.maker.message(customer).request)
      )
    )
    await expectAll(sendClosedLoop(helloPort, make(8_000)))
    const rates = { hello: [] as number[], stored: [] as number[], unstored: [] as number[] }
    const ratios = { hello: [] as number[], unstored: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      const requests = make(PER_ROUND)
      const helloRate = rateOf(await expectAll(sendClosedLoop(helloPort, requests)))
      await rig.puente.ask({ order: 'store', stored: false })
      const unstoredRate = rateOf(await expectAll(sendClosedLoop(rig.port, requests)))
      await rig.puente.ask({ order: 'store', stored: true })
      const storedRate = rateOf(await expectAll(sendClosedLoop(rig.port, requests)))
      rates.hello.push(helloRate)
      rates.unstored.push(unstoredRate)
      rates.stored.push(storedRate)
      ratios.hello.push(storedRate / helloRate)
      ratios.unstored.push(storedRate / unstoredRate)
    }
    const how = `sorting and delivery off, ${ROUNDS} rounds of ${PER_ROUND} webhooks of ${CUSTOMERS} customers, 64 connections`
    const spread = (values: number[]): string => values.map(value => value.toFixed(2)).join(' ')
    return [
      ratioBar(
        'R1',
        'durable acks a second ÷ bare Fastify, same body',
        0.6,
        median(rates.stored),
        median(rates.hello),
        median(ratios.hello),
        `${how}; ${spread(ratios.hello)}`
      ),
      ratioBar(
        'R2',
        'durable acks a second ÷ verify and parse without storing',
        0.85,
        median(rates.stored),
        median(rates.unstored),
        median(ratios.unstored),
        `${how}; ${spread(ratios.unstored)}`
      )
    ]

    function make(count: number): Buffer[] {
      return Array.from({ length: count }, (_, index) => rig.maker.message(customers[index % CUSTOMERS]!).request)
    }
  } finally {
    await hello.stop()
    await rig.close()
  }
}

function loadCustomer(index: number): LoadCustomer {
  return { waId: phoneOf(index), userId: `DE.bench${String(index).padStart(8, '0')}`, name: `Customer ${index}` }
}

export function rateOf(answers: Answers): number {
  return answers.ok / answers.seconds
}

export async function expectAll(sending: Promise<Answers>): Promise<Answers> {
  const answers = await sending
  if (answers.other > 0) throw new Error(`${answers.other} of ${answers.ok + answers.other} were not answered 200`)
  return answers
}
