// The admin pages' own door and what stands behind it: who comes in, what they see, what they may do.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { runAdminLink } from '../../plugin/admin-link.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { type Answer, openTab, type Tab } from './tab-lab.ts'
import { query } from './talk.ts'

const FOREIGN = { name: 'Foreign Bakery', shown: '+49 30 000099', phoneNumberId: '990000000000099', account: 4242 }

/** A number of another account, in trouble of its own, with something set aside. */
async function connectForeign(tab: Tab): Promise<number> {
  const { runtime } = tab.flow
  const { numbers } = runtime.bridge
  const own = runtime.bridge.registry.numbers()[0]!
  const desk = await numbers.saveDesk({
    url: own.desk.url,
    accountId: FOREIGN.account,
    token: 'foreign-token',
    sandbox: false
  })
  const saved = await numbers.saveNumber({
    ...own,
    deskId: desk.id,
    phoneNumberId: FOREIGN.phoneNumberId,
    displayPhoneNumber: FOREIGN.shown,
    verifiedName: FOREIGN.name,
    inboxId: 77,
    inboxKey: 'foreign-inbox-key',
    hookSecret: 'foreign-hook-secret',
    sandbox: false
  })
  await numbers.pauseNumber(saved.id, 'wa_token_invalid')
  await runtime.refresh()
  await setAside(tab, saved.id, 'wa_unknown')
  return saved.id
}

/** As intake does with what it cannot work on; in a lane of that number, or of none. */
async function setAside(tab: Tab, numberId: number, code: string, laneId: number | null = null): Promise<void> {
  await query(
    tab.flow,
    `insert into events (day, number_id, key, kind, lane_id, occurred_at, page_day, page_id, page_offset, page_length, state, code)
     select current_date, ${numberId}, 'aside-' || gen_random_uuid(), 'message', ${laneId ?? 'null'}, now(),
       page_day, page_id, page_offset, page_length, 2, '${code}' from events limit 1`
  )
}

const exchange = (tab: Tab, ticket: string): Promise<Answer> =>
  tab.call('POST', '/sessions/ticket', { body: { ticket } })

const asBearer = (token: string): Loose => ({ as: { token } })

const look = (tab: Tab, token: string, headers: Record<string, string> = {}): Promise<Answer> =>
  tab.call('GET', '/admin/overview', { ...asBearer(token), headers })

async function ticketOf(tab: Tab, token: string): Promise<string> {
  const answer = await tab.call('POST', '/admin/tickets', asBearer(token))
  if (answer.status !== 201) throw new Error(`no ticket: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.ticket
}

/** Runs the command as a terminal would, on the database of this Puente. */
async function linkOf(tab: Tab): Promise<{ url: string; ticket: string; text: string }> {
  let text = ''
  const options = readOptions({
    databaseUrl: tab.flow.databaseUrl,
    dataDir: '/tmp/puente-admin-link',
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    publicUrl: 'https://puente.example/wa/'
  })
  const code = await runAdminLink(options, {}, { write: (piece: string) => void (text += piece) })
  if (code !== 0) throw new Error(`ended with ${code}`)
  const url = text.split('\n')[0]!
  return { url, ticket: new URLSearchParams(new URL(url).hash.slice(1)).get('ticket')!, text }
}

/** The events of a run of the doctor. */
async function check(tab: Tab, token: string): Promise<{ status: number; events: { event: string; data: Loose }[] }> {
  const answer = await fetch(`${tab.flow.url}/api/v1/admin/checks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` }
  })
  const text = await answer.text()
  if (answer.status !== 200) return { status: answer.status, events: [{ event: 'problem', data: JSON.parse(text) }] }
  const events = text
    .split('\n\n')
    .filter(block => block.startsWith('event:'))
    .map(block => {
      const [event = '', data = ''] = block.split('\n')
      return { event: event.slice('event: '.length), data: JSON.parse(data.slice('data: '.length)) }
    })
  return { status: answer.status, events }
}

t.test('an administrator of the desk', async t => {
  const tab = await openTab(t)
  await tab.begin()
  const foreignId = await connectForeign(tab)
  const ada = await tab.signIn('ada')
  const bea = await tab.signIn('bea')
  const own = tab.flow.runtime.bridge.registry.numbers().find(number => number.sandbox)!

  await t.test('finds the link to the admin pages; an agent does not', async t => {
    const session = (await tab.call('GET', '/sessions/current', { as: ada })).body
    const link = new URL(session.adminUrl)
    t.equal(link.pathname, '/wa/app/admin')
    t.equal(link.searchParams.get('account'), String(tab.accountId))
    t.equal(link.searchParams.get('desk'), new URL(own.desk.url).origin)
    t.equal((await tab.call('GET', '/sessions/current', { as: bea })).body.adminUrl, null)
  })

  await t.test('S37: sees the numbers of that account with state, quality, tier, lag and last webhook', async t => {
    const { connections } = tab.flow.runtime
    await connections.saveReadings(own.id, {
      timeZoneId: null,
      timeZone: null,
      quality: 'YELLOW',
      messagingLimit: 'TIER_2K',
      onBusinessApp: false,
      accountEvents: 'webhook'
    })
    await tab.flow.runtime.reconcile.run(false)
    const { status, body } = await look(tab, ada.token)
    t.equal(status, 200, JSON.stringify(body))
    t.match(body, { scope: 'account', who: { name: ada.name }, needs: [], lastCheck: null })
    t.equal(body.numbers.length, 1)
    t.match(body.numbers[0], {
      id: own.id,
      displayPhoneNumber: own.displayPhoneNumber,
      accountId: tab.accountId,
      inboxId: tab.inboxId,
      state: 'connected',
      paused: null,
      quality: 'yellow',
      messagingLimit: 2000,
      throughputPerSecond: 80,
      waiting: { inbound: 0, outbound: 0, ticks: 0, oldestSeconds: 0 },
      parked: 0,
      uncertain: 0,
      setAside: 0
    })
    t.ok(Date.now() - Date.parse(body.numbers[0].heardAt) < 60_000, 'the message of just now')
    t.ok(Date.now() - Date.parse(body.numbers[0].deskReadAt) < 60_000)
  })

  await t.test('never hears of another account: not in the overview, the checks, or by trying again', async t => {
    const overview = await look(tab, ada.token)
    const checked = await check(tab, ada.token)
    t.equal(checked.status, 200)
    const seen = JSON.stringify([overview.body, checked.events])
    for (const secret of [FOREIGN.name, FOREIGN.shown, FOREIGN.phoneNumberId, String(FOREIGN.account), 'foreign'])
      t.notOk(seen.includes(secret), secret)
    t.notOk(seen.includes('PostgreSQL'), 'nor of what Puente stands on')
    const done = checked.events.find(each => each.event === 'done')!.data
    t.ok(
      checked.events.some(each => each.event === 'step' && each.data.about === own.displayPhoneNumber),
      'progress'
    )
    t.ok(done.findings.some((each: Loose) => each.numberId === own.id))
    t.match((await look(tab, ada.token)).body.lastCheck, { at: done.at }, 'the last one is remembered')
    const groups = [{ numberId: foreignId, kind: 'message', outbound: false, code: 'wa_unknown' }]
    t.match(await tab.call('POST', '/admin/replay', { ...asBearer(ada.token), body: { groups } }), {
      status: 200,
      body: { taken: 0 }
    })
  })

  await t.test('what is told holds no secret, no text and no customer', async t => {
    const talk = await tab.begin({ text: 'a very private sentence' })
    t.ok(talk.conversationId)
    const told = JSON.stringify((await look(tab, ada.token)).body)
    const customer = (tab.flow.conversations()[0] as Loose).contact
    for (const secret of [own.token, own.desk.token, own.hookSecret!, 'a very private sentence', customer.name])
      t.notOk(told.includes(secret), 'not told')
  })

  await t.test('an agent is refused everywhere, with or without the session of the desk', async t => {
    for (const withDesk of [true, false]) {
      for (const [method, path, body] of [
        ['GET', '/admin/overview', undefined],
        ['POST', '/admin/tickets', undefined],
        ['POST', '/admin/checks', undefined],
        ['DELETE', '/admin/session', undefined],
        ['POST', '/admin/replay', { groups: [{ numberId: own.id, kind: 'message', outbound: false, code: 'x' }] }]
      ] as const) {
        const answer = await tab.call(method, path, { as: bea, withDesk, ...(body ? { body } : {}) })
        t.match(answer, { status: 403, body: { code: 'not_allowed' } }, `${method} ${path}`)
      }
    }
    for (const path of ['/admin/overview', '/admin/session'])
      t.equal((await tab.call(path.endsWith('w') ? 'GET' : 'DELETE', path)).status, 401, 'nobody known')
    const cookie = { headers: { cookie: `token=${ada.token}` } }
    t.equal((await tab.call('GET', '/admin/overview', cookie)).status, 401, 'a cookie alone can do nothing')
  })

  await t.test('a ticket comes in once, is no bearer, and ends with the role', async t => {
    const ticket = await ticketOf(tab, ada.token)
    t.equal((await look(tab, ticket)).status, 401, 'a ticket is no session')
    const first = await exchange(tab, ticket)
    t.equal(first.status, 200, JSON.stringify(first.body))
    t.match(await exchange(tab, ticket), { status: 401, body: { code: 'link_spent' } }, 'replayed')
    t.match((await look(tab, first.body.token)).body, { scope: 'account', who: { name: ada.name } })
    t.equal((await tab.call('GET', '/numbers', asBearer(first.body.token))).status, 401, 'not for the tab')
    t.equal((await tab.call('GET', '/api-keys', asBearer(first.body.token))).status, 401, 'nor for keys')
    t.equal((await tab.call('POST', '/admin/tickets', asBearer(first.body.token))).status, 401, 'nor for more tickets')
    t.equal((await tab.call('GET', '/admin/overview', asBearer(ada.token))).status, 200, 'the session itself goes on')

    const raced = await ticketOf(tab, ada.token)
    const answers = await Promise.all([1, 2, 3, 4].map(() => exchange(tab, raced)))
    t.same(answers.map(each => each.status).sort(), [200, 401, 401, 401], 'at the same moment only one wins')

    const late = await ticketOf(tab, ada.token)
    await query(tab.flow, `update agent_sessions set expires_at = now() - interval '1 second' where mode = 'ticket'`)
    t.match(await exchange(tab, late), { status: 401, body: { code: 'link_spent' } }, 'too old')
    t.match(await exchange(tab, `pat_${'x'.repeat(43)}`), { status: 401, body: { code: 'link_spent' } }, 'unknown')
    t.match(await exchange(tab, ada.token), { status: 401, body: { code: 'link_spent' } }, 'a session is no ticket')

    const over = await tab.call('DELETE', '/admin/session', asBearer(first.body.token))
    t.equal(over.status, 200)
    t.equal((await look(tab, first.body.token)).status, 401, 'signed out')

    const demoted = await ticketOf(tab, ada.token)
    const open = (await exchange(tab, await ticketOf(tab, ada.token))).body.token
    await query(tab.flow, `update agent_sessions set agent_id = ${tab.people.bea.id} where mode in ('ticket', 'admin')`)
    t.match(await exchange(tab, demoted), { status: 401 }, 'no longer an administrator')
    t.match(await look(tab, open), { status: 401, body: { code: 'session_invalid' } })
    t.match(await look(tab, open), { status: 401 }, 'for good')
  })

  await t.test('no ticket or token is stored in clear or logged', async t => {
    const ticket = await ticketOf(tab, ada.token)
    const { token } = (await exchange(tab, ticket)).body
    await look(tab, token)
    const rows = (await tab.flow.runtime.database.knex('agent_sessions').select('*')) as Loose[]
    const kept = JSON.stringify(rows) + rows.map(row => row.facts_sealed.toString('latin1')).join()
    for (const secret of [ticket, token, ada.name]) t.notOk(kept.includes(secret), 'hashed or sealed')
    for (const secret of [ticket, token])
      t.notOk(
        tab.flow.logs.some(line => line.includes(secret)),
        'never logged'
      )
  })
})

t.test('puente admin-link', async t => {
  const tab = await openTab(t)
  await tab.begin()
  const foreignId = await connectForeign(tab)
  const own = tab.flow.runtime.bridge.registry.numbers().find(number => number.sandbox)!
  const { url, ticket, text } = await linkOf(tab)

  await t.test('prints a link whose ticket stands in the fragment, and works once', async t => {
    t.match(url, /^https:\/\/puente\.example\/wa\/app\/admin#ticket=pat_[\w-]{43}$/)
    t.match(text, /Works once, within 10 minutes/)
    t.notMatch(text, /not running/)
    const { status, body } = await exchange(tab, ticket)
    t.equal(status, 200)
    t.match(await exchange(tab, ticket), { status: 401, body: { code: 'link_spent' } })
    t.equal((await tab.call('GET', '/sessions/current', asBearer(body.token))).status, 401, 'nobody in a conversation')
    const again = await linkOf(tab)
    await query(
      tab.flow,
      `update agent_sessions set expires_at = expires_at - interval '10 minutes' where mode = 'ticket'`
    )
    t.equal((await exchange(tab, again.ticket)).status, 401, 'too old after ten minutes')
  })

  const { token } = (await exchange(tab, (await linkOf(tab)).ticket)).body

  await t.test(
    'S37: it shows the numbers of every account, and what needs a person in the language asked for',
    async t => {
      const { body } = await look(tab, token, { 'accept-language': 'es' })
      t.match(body, { scope: 'installation', who: { name: null } })
      t.same(
        body.numbers.map((each: Loose) => each.id),
        [own.id, foreignId]
      )
      t.match(body.numbers[1], {
        name: FOREIGN.name,
        state: 'paused',
        paused: { code: 'wa_token_invalid', sentence: /acceso a WhatsApp/ },
        setAside: 1
      })
      t.same(
        body.needs.map((each: Loose) => [each.numberId, each.kind]),
        [
          [foreignId, 'paused'],
          [foreignId, 'set_aside'],
          [foreignId, 'unproven']
        ]
      )
      t.match(body.aside, [{ numberId: foreignId, kind: 'message', code: 'wa_unknown', count: 1, replayable: true }])
    }
  )

  await t.test('S90: what is set aside is tried again, only that of the group that was chosen', async t => {
    const talk = await tab.begin({ text: 'first' })
    t.ok(talk.conversationId)
    const [lane] = (await query(
      tab.flow,
      `select id from lanes where number_id = ${own.id} and not outbound limit 1`
    )) as Loose[]
    await query(
      tab.flow,
      `update events set state = 2, code = 'desk_invalid', attempt = null, attempt_at = null where lane_id = ${lane.id} and kind = 'message' and state = 1`
    )
    await query(
      tab.flow,
      `update events set state = 1, code = 'desk_invalid' where state = 1 and number_id = ${own.id}`
    )
    const before = (await look(tab, token)).body.aside.find((each: Loose) => each.numberId === own.id)
    t.match(before, { kind: 'message', outbound: false, code: 'desk_invalid', replayable: true })
    const { numberId, kind, outbound, code } = before
    const wrong = { numberId, kind, outbound: true, code }
    const choose = (group: Loose) =>
      tab.call('POST', '/admin/replay', { ...asBearer(token), body: { groups: [group] } })
    t.match((await choose(wrong)).body, { taken: 0 }, 'the other direction is another group')
    t.match((await choose({ numberId, kind, outbound, code: 'wa_unknown' })).body, { taken: 0 }, 'so is another cause')
    t.match((await choose({ numberId, kind, outbound, code })).body, { taken: before.count })
    await tab.flow.settle()
    const left = (await look(tab, token)).body.aside.filter((each: Loose) => each.numberId === own.id)
    t.same(left, [], 'worked on at once')
  })

  await t.test('the checks concern everything, run once at a time, and not as often as one likes', async t => {
    const [one, two] = await Promise.all([check(tab, token), check(tab, token)])
    const done = [one, two].map(each => each.events.find(event => event.event === 'done')!.data)
    t.equal(done[0].at, done[1].at, 'who asks meanwhile joins the run')
    t.ok(done[0].findings.some((each: Loose) => each.about === 'PostgreSQL' && each.numberId === null))
    t.ok(done[0].findings.some((each: Loose) => each.numberId === foreignId && each.state === 'fail' && each.remedy))
    let refused = await check(tab, token)
    for (let n = 0; n < 3 && refused.status === 200; n++) refused = await check(tab, token)
    t.match(refused, { status: 429, events: [{ data: { code: 'too_many_requests', retryAfterSeconds: Number } }] })
  })
})

t.test('the command itself prints one line to open, as JSON too', async t => {
  const tab = await openTab(t)
  const cli = fileURLToPath(new URL('../../plugin/cli.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', cli, 'admin-link', '--json'], {
    timeout: 15_000,
    env: {
      ...process.env,
      PUENTE_DATABASE_URL: tab.flow.databaseUrl,
      PUENTE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      PUENTE_PORT: '8499',
      PUENTE_HOST: '0.0.0.0'
    }
  })
  const told = JSON.parse(stdout)
  t.match(told, { running: true, url: /^http:\/\/127\.0\.0\.1:8499\/app\/admin#ticket=pat_/ })
  t.ok(Date.parse(told.expiresAt) - Date.now() < 10 * 60_000 + 5_000)
  const ticket = new URLSearchParams(new URL(told.url).hash.slice(1)).get('ticket')!
  t.equal((await exchange(tab, ticket)).status, 200, 'made in another process')
})

t.test('the page may be framed by nobody, has nothing inline and asks nobody else', async t => {
  const { app } = (await openTab(t)).flow
  const page = await app.inject({ url: '/wa/app/admin' })
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /frame-ancestors 'none'$/)
  t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
  t.notMatch(policy, /unsafe|https?:/)
  t.equal(page.headers['x-frame-options'], 'DENY')
  t.equal(page.headers['referrer-policy'], 'no-referrer')
  t.notOk(page.headers['set-cookie'])
  const tabPage = await app.inject({ url: '/wa/app/tab' })
  t.notMatch(
    tabPage.headers['content-security-policy'],
    /frame-ancestors 'none'/,
    'the tab is still framed by the desk'
  )
})
