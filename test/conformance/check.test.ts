/** The suite itself: it sees what differs, it does not take what it cannot see for true, and it stays inside its fence. */
import t from 'tap'
import type { HttpAnswer, HttpClient, HttpRequest } from '../../adapters/http/types.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { type Check, createProbe, isBefore, NotChecked, playCheck } from './check.ts'
import { createFence, NOBODY } from './fence.ts'
import { readOptions } from './options.ts'
import { exitCodeOf, lineOf } from './report.ts'
import { readOnly } from './whatsapp-suite.ts'

t.test('a probe tells each difference, and where it lies', async t => {
  const seen: string[] = []
  const probe = createProbe(seen)
  probe.ok(true)
  probe.notOk(null)
  probe.equal(1, 1)
  probe.not(1, 2)
  probe.same({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })
  probe.match({ a: 'xyz', more: 1, list: [{ id: 1, name: 'n' }] }, { a: /y/, list: [{ id: 1 }] })
  t.same(seen, [], 'nothing differs')
  probe.ok(0, 'zero')
  probe.equal('a', 'b')
  probe.not(2, 2)
  probe.same([1], [1, 2])
  probe.match({ a: { b: 'x' } }, { a: { b: /y/ } })
  probe.match([1, 2], [1])
  probe.match(undefined, { a: 1 })
  t.same(seen, [
    'not so: zero',
    '"a" instead of "b"',
    '2, which it must not be',
    '[1] instead of [1,2]',
    'a.b "x" instead of /y/',
    '[1,2] instead of [1]',
    'nothing instead of {"a":1}'
  ])
})

t.test('a check holds, does not, is expected not to, or could not be seen', async t => {
  const check = (play: Check<null>['play'], more: Partial<Check<null>> = {}) =>
    ({ id: 'CW-X', says: 'so', play, ...more }) satisfies Check<null>
  const fails: Check<null>['play'] = async probe => probe.equal(1, 2)
  const play = (given: Check<null>, version = '4.16.2') => playCheck(given, null, version)
  t.match(await play(check(async () => {})), { holds: true, seen: null })
  t.match(await play(check(fails)), { holds: false, seen: '1 instead of 2', expected: undefined })
  t.match(await play(check(fails, { since: '4.17.0', without: 'then' })), { holds: false, expected: 'then' })
  t.match(await play(check(fails, { since: '4.17.0', without: 'then' }), '4.17.0'), { expected: undefined })
  t.match(await play(check(fails, { without: 'then' })), { expected: 'then' })
  const unseen = async () => {
    throw new NotChecked('no token')
  }
  t.match(await play(check(unseen)), { holds: null, seen: 'no token' })
  const broken = async () => {
    throw new PuenteError('desk_invalid', { facts: { status: 422, detail: 'Name is too long' } })
  }
  t.match(await play(check(broken)), { holds: false, seen: 'desk_invalid (422, Name is too long)' })
  t.match(lineOf(await play(check(fails))), /^CW-X +NOT HELD +so\n +seen: 1 instead of 2$/)
  t.same(
    [isBefore('4.13.0', '4.14.2'), isBefore('4.16.2', '4.16.2'), isBefore('5.0.0', '4.17.0'), isBefore(null, '4.1.0')],
    [true, false, false, false]
  )
})

t.test('the exit code is 0 only when nothing falls short', async t => {
  const report = { at: '', version: null, graphVersion: null, interrupted: false, left: [] as string[] }
  const outcome = { id: 'CW-X', assumption: 'so', holds: false, seen: 'not so' }
  t.equal(exitCodeOf({ ...report, checks: [] }, false), 0)
  t.equal(exitCodeOf({ ...report, checks: [{ ...outcome, holds: null }] }, false), 0)
  t.equal(exitCodeOf({ ...report, checks: [{ ...outcome, expected: 'then' }] }, false), 0)
  t.equal(exitCodeOf({ ...report, checks: [outcome] }, false), 1)
  t.equal(exitCodeOf({ ...report, checks: [], interrupted: true }, false), 1)
  t.equal(exitCodeOf({ ...report, checks: [], left: ['inboxes/1'] }, false), 1)
  t.equal(exitCodeOf({ ...report, checks: [], left: ['inboxes/1'] }, true), 0)
})

const access = { url: 'http://desk.test', accountId: 3, token: 't' }
const json = (body: unknown, status = 200): HttpAnswer => ({
  status,
  headers: {},
  body: Buffer.from(JSON.stringify(body))
})

/** A desk that answers by method and path, and remembers what was asked. */
function fakeDesk(answers: Record<string, HttpAnswer | (() => HttpAnswer)>) {
  const asked: string[] = []
  const http: HttpClient = {
    async request({ method, url }) {
      const call = `${method} ${url.replace('http://desk.test/api/v1/accounts/3/', '')}`
      asked.push(call)
      const answer = answers[call] ?? json({}, 404)
      return typeof answer === 'function' ? answer() : answer
    },
    open: async () => {
      throw new Error('not here')
    },
    close() {}
  }
  return { http, asked }
}

t.test('the fence lets nothing out that the suite did not make', async t => {
  const { http, asked } = fakeDesk({
    'POST inboxes': json({ id: 7 }),
    'POST contacts': json({ payload: { contact: { id: 8 } } }),
    'POST conversations': json({ id: 9 }),
    'POST conversations/9/messages': json({ id: 10 }),
    'GET inboxes/1': json({ id: 1 }),
    'POST contacts/filter': json({ payload: [] })
  })
  const fence = createFence({ http, access, tag: 'cfX' })
  const call = (method: HttpRequest['method'], path: string, body: object = {}) => {
    const url = path.startsWith('http') ? path : `http://desk.test/api/v1/accounts/3/${path}`
    return fence.http.request({ method, url, body: JSON.stringify(body), timeoutMs: 1 })
  }
  const refused: [HttpRequest['method'], string, object?][] = [
    ['PATCH', 'inboxes/1'],
    ['DELETE', 'inboxes/1'],
    ['POST', 'inbox_members', { inbox_id: 1, user_ids: [1] }],
    ['POST', 'inboxes/1/reset_secret'],
    ['PATCH', 'contacts/1'],
    ['POST', 'contacts', { inbox_id: 1 }],
    ['POST', 'conversations', { inbox_id: 1, contact_id: 1 }],
    ['POST', 'conversations/1/messages', { content: 'x' }],
    ['POST', 'conversations/1/toggle_status'],
    ['POST', 'actions/contact_merge', { base_contact_id: 1, mergee_contact_id: NOBODY }],
    ['POST', 'macros/1/execute', { conversation_ids: [NOBODY] }],
    ['DELETE', 'labels/1'],
    ['DELETE', 'agents/1'],
    ['POST', 'agents', { email: 'x@example.org' }],
    ['PATCH', ''],
    ['POST', 'http://desk.test/api/v1/accounts/4/inboxes'],
    ['POST', 'http://other.test/api/v1/accounts/3/inboxes']
  ]
  for (const [method, path, body] of refused) await t.rejects(call(method, path, body), /may not/, `${method} ${path}`)
  t.same(asked, [], 'nothing left')
  await call('GET', 'inboxes/1')
  await call('POST', 'contacts/filter', {})
  await call('PATCH', `inboxes/${NOBODY}`)
  await call('POST', 'inboxes', { name: 'ours' })
  await call('PATCH', 'inboxes/7')
  await call('POST', 'contacts', { inbox_id: 7 })
  await call('POST', 'conversations', { inbox_id: 7, contact_id: 8 })
  await call('POST', 'conversations/9/messages')
  t.equal(asked.length, 8)
  t.same(fence.list().sort(), ['contacts/8', 'inboxes/7'])
  fence.stop()
  await t.rejects(call('GET', 'inboxes/1'), /interrupted/)
})

t.test('what is left is removed with patience, also what no answer told, and the rest is named', async t => {
  let tries = 0
  let inboxIsThere = true
  const { http, asked } = fakeDesk({
    'POST inboxes': json({ id: 7 }),
    'POST contacts': json({ payload: { contact: { id: 8 } } }),
    'DELETE contacts/8': () => (++tries < 2 ? json({}, 429) : json({})),
    'DELETE inboxes/7': json({ message: 'queued' }),
    'GET inboxes/7': () => {
      const answer = inboxIsThere ? json({ id: 7 }) : json({}, 404)
      inboxIsThere = false
      return answer
    },
    'GET labels': json({
      payload: [
        { id: 5, title: 'urgent' },
        { id: 6, title: 'cfx-label' }
      ]
    }),
    'DELETE labels/6': json({ error: 'no' }, 401),
    'GET contacts/search?q=cfx': json({
      payload: [
        { id: 11, name: 'Lost cfx' },
        { id: 12, name: 'Ana' }
      ]
    }),
    'DELETE contacts/11': json({})
  })
  const fence = createFence({ http, access, tag: 'cfx', goneWithinMs: 2000 })
  const post = (path: string) =>
    fence.http.request({ method: 'POST', url: `http://desk.test/api/v1/accounts/3/${path}`, body: '{}', timeoutMs: 1 })
  await post('inboxes')
  await post('contacts')
  fence.stop()
  t.same(await fence.removeAll(), ['labels/6'], 'what could not be removed')
  t.same(
    asked.filter(call => call.startsWith('DELETE')).filter((call, nth, all) => all.indexOf(call) === nth),
    ['DELETE contacts/8', 'DELETE inboxes/7', 'DELETE labels/6', 'DELETE contacts/11'],
    'nothing of others'
  )
})

t.test('on the WhatsApp side only reading leaves', async t => {
  const { http, asked } = fakeDesk({})
  const reading = readOnly(http)
  await t.rejects(
    reading.request({ method: 'POST', url: 'http://graph.test/v25.0/1/messages', timeoutMs: 1 }),
    /only read/
  )
  await t.rejects(reading.request({ method: 'DELETE', url: 'http://graph.test/v25.0/1', timeoutMs: 1 }), /only read/)
  t.same(asked, [])
})

t.test('options are read, and secrets may stand in a file', async t => {
  t.match(readOptions(['--chatwoot-url', 'http://d.test/', '--account', '2', '--token', 'x', '--hook-wait', '3']), {
    desk: { url: 'http://d.test', accountId: 2, token: 'x', hookWaitMs: 3000 },
    slow: false,
    keep: false
  })
  t.match(readOptions(['--graph-token', 'x', '--waba', '5', '--only', 'WA-.*'])?.only, /WA-/i)
  t.throws(() => readOptions(['--graph-token', '@/nowhere/at/all', '--waba', '5']), /cannot read/)
  t.throws(() => readOptions(['--graph-token', 'x', '--waba', 'five']), /digits/)
  t.throws(() => readOptions(['--graph-token', 'x', '--waba', '5', '--app-id', '1']), /belong together/)
  t.equal(readOptions(['-h']), null)
})
