/** Connecting that was interrupted, anywhere, goes on where it stopped: nothing is made twice, nothing is left out. */
import t, { type Test } from 'tap'
import { STEPS } from '../../plugin/connect/steps.ts'
import type { Loose } from '../support/puente.ts'
import { type Held, type Lab, openLab } from './connect-lab.ts'

/** What must be there once and only once, whatever happened before. */
function isWhole(t: Test, lab: Lab, held: Held, what: string): void {
  t.same(
    {
      inboxes: held.inboxes.length,
      labels: held.labels,
      rules: held.rules.length,
      folders: held.folders.length,
      apps: held.apps,
      attributes: held.attributes.length,
      members: held.members[0]?.length,
      override: held.override,
      subscribed: held.subscribed,
      callback: held.appCallback?.url
    },
    {
      inboxes: 1,
      labels: ['whatsapp'],
      rules: 1,
      folders: 1,
      apps: [`${lab.url}/app/tab`],
      attributes: 8,
      members: 4,
      override: `${lab.url}/webhooks/whatsapp`,
      subscribed: true,
      callback: `${lab.url}/webhooks/whatsapp`
    },
    what
  )
}

t.test('S28: after every step: killed, begun again, whole; then undone as if nothing had been', async t => {
  const lab = await openLab(t)
  t.ok(STEPS.length >= 12)
  for (const { id } of STEPS) {
    const killed = lab.steps(undefined, {
      afterStep: done => {
        if (done === id) throw new Error(`killed after ${id}`)
      }
    })
    await t.rejects(killed, { message: `killed after ${id}` })
    await lab.steps()
    isWhole(t, lab, lab.held(), `killed after ${id}`)
    const mark = lab.mark()
    await lab.steps()
    t.same(lab.changes(mark), [], `then nothing is left to do (${id})`)
    const { code } = await lab.disconnect(lab.file().whatsapp.phoneNumberId)
    t.equal(code, 0)
    const after = lab.held()
    t.same(
      [after.inboxes, after.labels, after.rules, after.folders, after.apps, after.attributes],
      [[], [], [], [], [], []],
      `undone (${id})`
    )
    t.same([after.override, after.subscribed, after.appCallback], [null, false, null])
  }
})

/** What is made, and how its request is told from the others. */
const MADE: Record<string, string> = {
  inbox: 'POST /api/v1/accounts/1/inboxes',
  members: 'POST /api/v1/accounts/1/inbox_members',
  picture: 'PATCH /api/v1/accounts/1/inboxes/',
  attributes: 'POST /api/v1/accounts/1/custom_attribute_definitions',
  label: 'POST /api/v1/accounts/1/labels',
  rule: 'POST /api/v1/accounts/1/automation_rules',
  folder: 'POST /api/v1/accounts/1/custom_filters',
  app: 'POST /api/v1/accounts/1/dashboard_apps'
}

t.test('an answer that got lost: what was made all the same is found, and is ours to undo', async t => {
  const lab = await openLab(t, { seed: 14 })
  for (const [id, match] of Object.entries(MADE)) {
    // The desk does it, and its answer arrives in pieces.
    lab.sandbox.faults.set([{ on: 'call:desk', kind: 'garbage', match, count: 1 }])
    if (id === 'members' || id === 'picture') await lab.steps()
    else await t.rejects(lab.steps(), { code: 'desk_no_answer', facts: { step: id } }, id)
    lab.sandbox.faults.set([])
    await lab.steps()
    isWhole(t, lab, lab.held(), `lost: ${id}`)
    t.equal((await lab.disconnect(lab.file().whatsapp.phoneNumberId)).code, 0)
    const { labels, rules, folders, apps, attributes, inboxes } = lab.held()
    t.same([labels, rules, folders, apps, attributes, inboxes], [[], [], [], [], [], []], `undone: ${id}`)
  }
})

t.test('a refusal in the middle names its step, and what came before is used next time', async t => {
  const lab = await openLab(t, { seed: 15 })
  lab.sandbox.faults.set([{ on: 'call:desk', kind: 'status', status: 500, match: 'custom_filters', count: 1 }])
  await t.rejects(lab.connect(), { code: 'desk_unavailable', facts: { step: 'folder' } })
  lab.sandbox.faults.set([])
  const mark = lab.mark()
  const { code } = await lab.connect()
  t.equal(code, 0)
  isWhole(t, lab, lab.held(), 'whole')
  t.notOk(
    lab.changes(mark).some(call => /POST \/(inboxes|labels|automation_rules|inbox_members)/.test(call)),
    'nothing is made again'
  )
})

t.test('what an admin made before stays the admin’s: it is used, and not taken away', async t => {
  const lab = await openLab(t, { seed: 16 })
  const { adminToken } = lab.sandbox.config()['desk'] as Loose
  await fetch(`${lab.sandbox.deskUrl}/api/v1/accounts/1/labels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', api_access_token: adminToken },
    body: JSON.stringify({ title: 'whatsapp' })
  })
  await lab.steps()
  t.same(lab.held().labels, ['whatsapp'])
  await lab.disconnect(lab.file().whatsapp.phoneNumberId)
  t.same(lab.held().labels, ['whatsapp'])
})
