/** Approved templates stand in the inbox's own picker, in step with Meta, and the inbox is written only when it must be. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createTemplateStore } from '../../adapters/postgres/templates.ts'
import { readStatus } from '../../plugin/status.ts'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { deskOf, lastEntry, query } from './talk.ts'

const FACTOR = 0.1
const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

async function callDesk(flow: Flow, method: string, path: string, body?: Loose): Promise<Loose> {
  const { account, token } = deskOf(flow)
  const answer = await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${account}${path}`, {
    method,
    headers: { 'content-type': 'application/json', api_access_token: token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
  return answer.json()
}

t.test('the mirror of the templates', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR }, statuses: 'manual' })
  const { runtime } = flow
  const number = runtime.bridge.registry.numbers()[0]!
  const readings = await runtime.connections.readReadings(number.id)
  t.equal(readings?.accountEvents, 'webhook', "connecting has set the app's own callback, which no override replaces")
  const inbox = async (): Promise<Loose> =>
    (await callDesk(flow, 'GET', `/inboxes/${number.inboxId}`)).additional_attributes
  const shown = async (): Promise<string[]> =>
    ((await inbox()).message_templates ?? []).map((each: Loose) => `${each.name} ${each.language}`)
  const writes = (after: number): number =>
    flow.ledger({ side: 'desk', what: 'call', after }).filter(entry => entry.name.startsWith('PATCH /inboxes')).length
  const change = (...templates: Loose[]): Promise<Loose> => flow.door('graph', { templates })
  const state = async (): Promise<Loose> => (await runtime.templateStore.readMirrorState())[0]
  /** Runs until nothing is due any more. */
  const pass = async (): Promise<void> => {
    await runtime.templateStore.want(number.wabaId)
    await flow.until('a pass', async () => {
      await runtime.templateMirror.run()
      const [row] = await query(
        flow,
        'select due_at > clock_timestamp() as done, lease_until from template_accounts where waba_id = $1',
        [number.wabaId]
      )
      return row.done && row.lease_until === null
    })
  }

  await t.test('S50: what the picker can express is offered, and nothing else', async t => {
    const names = await flow.until('the first pass', async () => {
      const list = await shown()
      return list.length > 0 ? list : null
    })
    t.same([...names].sort(), names, 'in a steady order')
    for (const name of ['hello_world en_US', 'order_confirmation pt_BR', 'reservation_confirmation en_US'])
      t.ok(names.includes(name), name)
    const never = [
      'shipping_update',
      'store_location',
      'limited_offer',
      'carousel_products',
      'catalog_teaser',
      'picked_products',
      'feedback_flow',
      'verification_code',
      'contact_request',
      'paused_promo',
      'disabled_promo',
      'rejected_promo'
    ]
    for (const name of never)
      t.notOk(
        names.some(each => each.startsWith(`${name} `)),
        name
      )
    t.match(await state(), {
      numberId: number.id,
      shown: names.length,
      readCode: null,
      inboxCode: null,
      readAt: Date,
      writtenAt: Date
    })
    t.ok((await state()).leftOut >= 9)
  })

  await t.test('parameterised buttons stand first in the mirrored copy', async t => {
    const { message_templates: list } = await inbox()
    const coupon = list.find((each: Loose) => each.name === 'coupon_code')
    t.strictSame(
      coupon.components.find((part: Loose) => part.type === 'BUTTONS').buttons.map((button: Loose) => button.type),
      ['COPY_CODE', 'QUICK_REPLY']
    )
    t.notMatch(JSON.stringify(list), /scontent/, 'no addresses that change by themselves')
  })

  await t.test('what others keep in the inbox is preserved', async t => {
    const before = await inbox()
    const channel = { additional_attributes: { ...before, crm: { id: 7, tags: ['a'] } } }
    await callDesk(flow, 'PATCH', `/inboxes/${number.inboxId}`, { channel })
    await change({ name: 'fresh_one', components: [{ type: 'BODY', text: 'Hello {{1}}.' }] })
    await flow.until('the new template', async () => (await shown()).includes('fresh_one en_US'))
    const { message_templates: _, ...rest } = await inbox()
    const { message_templates: __, ...old } = before
    t.strictSame(rest, { ...old, crm: { id: 7, tags: ['a'] } })
  })

  await t.test('S96: a webhook brings it in step within a minute', async t => {
    const gone = async (name: string): Promise<boolean> => !(await shown()).some(each => each.startsWith(`${name} `))
    const startedMs = performance.now()
    await change({ name: 'fresh_one', status: 'PAUSED' })
    await flow.until('the paused one is gone', () => gone('fresh_one'))
    await change({ name: 'fresh_one', status: 'APPROVED' })
    await flow.until('and back', async () => !(await gone('fresh_one')))
    await change({ name: 'fresh_one', components: [{ type: 'BODY', text: 'Hello {{1}}, again.' }] })
    await flow.until('with its new text', async () =>
      JSON.stringify((await inbox()).message_templates).includes('Hello {{1}}, again.')
    )
    await change({ name: 'fresh_one', category: 'MARKETING' })
    await flow.until('in its new category', async () =>
      (await inbox()).message_templates.some(
        (each: Loose) => each.name === 'fresh_one' && each.category === 'MARKETING'
      )
    )
    await change({ name: 'fresh_one', gone: true })
    await flow.until('deleted', () => gone('fresh_one'))
    t.ok((performance.now() - startedMs) / FACTOR < 5 * 60_000, 'each within a minute of unscaled time')
    const fields = flow.ledger({ side: 'graph', what: 'hook' }).map(entry => entry.name)
    for (const field of ['status', 'components']) t.ok(fields.includes(`message_template_${field}_update`), field)
    t.ok(fields.includes('template_category_update'))
    await change({ name: 'hello_world', quality_score: { score: 'YELLOW' } })
    await flow.until('its quality is known, too', async () => {
      const found = await runtime.templateStore.find(number.wabaId, 'hello_world', 'en_US')
      return found?.qualityScore === 'YELLOW'
    })
  })

  await t.test('nothing is written when nothing changed for the picker', async t => {
    await pass()
    const mark = lastEntry(flow)
    const { writtenAt } = await state()
    await pass()
    await pass()
    t.equal(writes(mark), 0)
    t.same((await state()).writtenAt, writtenAt)
    const reads = flow
      .ledger({ side: 'graph', what: 'call', after: mark })
      .filter(entry => entry.name === 'GET /message_templates')
    t.ok(reads.length >= 2, 'although it was read')
  })

  await t.test('the poll finds what no webhook told, and what somebody changed in the inbox', async t => {
    await flow.door('faults', [{ on: 'hook:graph', kind: 'drop' }])
    await change({ name: 'unheard', components: [{ type: 'BODY', text: 'Hi.' }] })
    await sleep(500)
    await callDesk(flow, 'PATCH', `/inboxes/${number.inboxId}`, {
      channel: { additional_attributes: { ...(await inbox()), message_templates: [] } }
    })
    await flow.door('faults', [])
    const [due] = await query(
      flow,
      'select extract(epoch from due_at - read_at)::float8 as seconds from template_accounts where waba_id = $1',
      [number.wabaId]
    )
    t.ok(Math.abs(due.seconds - 900 * FACTOR) < 5, `the next poll comes after ${due.seconds} s`)
    await query(flow, 'update template_accounts set due_at = clock_timestamp()')
    await flow.until('found by the poll', async () => (await shown()).includes('unheard en_US'))
    t.ok((await shown()).length > 10, 'and all others are back')
  })

  await t.test('all pages are read', async t => {
    const many = Array.from({ length: 230 }, (_, n) => ({
      name: `bulk_${String(n).padStart(3, '0')}`,
      components: [{ type: 'BODY', text: `Number ${n}.` }]
    }))
    await change(...many)
    await pass()
    t.equal((await shown()).filter(name => name.startsWith('bulk_')).length, 230)
    t.ok((await state()).templates > 230)
    await change(...many.map(({ name }) => ({ name, gone: true })))
    await pass()
    t.equal((await shown()).filter(name => name.startsWith('bulk_')).length, 0)
  })

  await t.test('of several processes one renews a WABA; a crashed one is replaced', async t => {
    const store = createTemplateStore(runtime.database.work)
    const waba = 'another-waba'
    const claim = (owner: string, leaseMs = 60_000) => store.claim([waba], owner, leaseMs)
    const owners = Array.from({ length: 6 }, () => randomUUID())
    await store.want(waba)
    const got = await Promise.all(owners.map(owner => claim(owner)))
    t.equal(got.filter(each => each.length === 1).length, 1)
    const holder = owners[got.findIndex(each => each.length === 1)]!
    // Wanted while it was being read: due again at once.
    await store.want(waba)
    await store.settle(waba, holder, { nextInMs: 60_000, code: null })
    t.same(await claim(owners[0]!, 1), [waba])
    await sleep(20)
    t.same(await claim(owners[1]!), [waba], 'the lease of a crashed one ends')
    await store.settle(waba, owners[0]!, { nextInMs: 0, code: null })
    t.same(await claim(owners[2]!), [], 'whoever came too late changes nothing')
    await store.settle(waba, owners[1]!, { nextInMs: 60_000, code: 'wa_unreachable' })
    t.same(await claim(owners[3]!), [], 'after a failure it waits')
  })

  await t.test('without an administrator’s token the mirror is off and says so', async t => {
    const { desk } = flow.sandbox.config() as Loose
    const { token: adminToken } = number.desk
    const useToken = async (token: string): Promise<void> => {
      const { url, accountId, sandbox } = number.desk
      await runtime.bridge.numbers.saveDesk({ url, accountId, sandbox, token })
      await runtime.refresh()
    }
    await callDesk(flow, 'POST', '/inbox_members', {
      inbox_id: number.inboxId,
      user_ids: [desk.agents.find((agent: Loose) => agent.token === desk.agentToken).id]
    })
    const off = async (): Promise<string[]> =>
      (await readStatus(runtime.database, runtime.bridge.numbers, new Date(), PLAIN)).numbers[0]!.off
    await useToken(desk.agentToken)
    t.match(await off(), [/not kept in step yet: whose token/], 'nobody has looked yet')
    const mark = lastEntry(flow)
    await change({ name: 'while_off', components: [{ type: 'BODY', text: 'Off.' }] })
    await pass()
    t.match(await state(), { inboxCode: 'needs_admin', shown: 0, readCode: null })
    t.equal(writes(mark), 0, 'the desk is asked whose token it is, and not written to on trust')
    await runtime.deskWatch.run()
    t.match(await off(), [/template picker is not kept in step: that takes an administrator's token/])
    t.notOk((await shown()).includes('while_off en_US'))
    t.ok(
      await runtime.templateStore.find(number.wabaId, 'while_off', 'en_US'),
      'the copy for the tab is kept all the same'
    )
    t.equal(runtime.bridge.registry.desks()[0]!.pausedCode, null, 'and nothing else is held up')
    await useToken(adminToken)
    await pass()
    t.match(await state(), { inboxCode: null })
    t.ok((await shown()).includes('while_off en_US'))
    await runtime.deskWatch.run()
    t.same(await off(), [])
  })

  await t.test('a failure at Meta is kept for the doctor, and nothing is forgotten', async t => {
    const before = await shown()
    await flow.door('faults', [{ on: 'call:graph', kind: 'status', status: 500, match: 'message_templates' }])
    await runtime.templateStore.want(number.wabaId)
    await flow.until('the failure', async () => (await state()).readCode !== null)
    t.same(await shown(), before)
    await flow.door('faults', [])
    await flow.until('well again', async () => {
      await pass()
      return (await state()).readCode === null
    })
  })
})
