/**
 * Law 8, both directions: after a busy day with all sorts of trouble, no table, no log line and no metric holds what a
 * customer or an agent wrote, anybody's number, or a token, in plain text, hex or base64.
 */
import t from 'tap'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { count, deliver, newWamid, nowSeconds, other, sql, webhook } from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const WORDS = {
  text: 'quetzal-inbound-text',
  name: 'Xiomara Planted Name',
  username: 'planted.username',
  caption: 'quetzal-caption',
  filename: 'quetzal-file-name.pdf',
  edited: 'quetzal-edited-text',
  echo: 'quetzal-echo-text',
  form: 'quetzal-form-answer',
  card: 'Quetzal Card Name',
  place: 'Quetzal Place',
  refused: 'quetzal-unsigned',
  malformed: 'quetzal-malformed',
  foreign: 'quetzal-for-another-number',
  unknown: 'quetzal-unknown-kind',
  details: 'quetzal-error-details',
  answer: 'tucan-agent-answer',
  failed: 'tucan-agent-failed',
  parked: 'tucan-agent-parked',
  internal: 'tucan-private-note',
  started: 'tucan-agent-start',
  deleted: 'tucan-deleted-answer',
  late: 'tucan-desk-trouble'
}
const PHONES = {
  customer: '15550108001',
  card: '15550108002',
  echoed: '15550108003',
  started: '15550108004',
  adopted: '15550108005'
}
const USER_ID = 'US.planted0000000000001'

/** How a text may hide: itself, hex (how bytea is shown), and base64 at each of its three alignments. */
function guises(text: string, deep: boolean): string[] {
  const bytes = Buffer.from(text)
  const found = [text.toLowerCase(), bytes.toString('hex')]
  if (deep) {
    for (let shift = 0; shift < 3; shift++) {
      const coded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
      // The ends depend on the neighbours.
      found.push(coded.slice(shift === 0 ? 0 : 4, -4).toLowerCase())
    }
  }
  return found.filter(each => each.length >= 8)
}

async function dump(flow: Flow): Promise<Map<string, string>> {
  const tables = await sql(
    flow,
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1`
  )
  const found = new Map<string, string>()
  for (const { name } of tables) {
    const rows = await sql(flow, `select row_to_json(t)::text as row from "${name}" t`)
    found.set(
      name,
      rows
        .map(each => each.row)
        .join('\n')
        .toLowerCase()
    )
  }
  return found
}

t.test('no table, no log line, no metric tells what was said, by whom, or with which token', async t => {
  const flow = await startFlow(t)
  const waId = PHONES.customer
  const who = { waId, userId: USER_ID, name: WORDS.name, username: WORDS.username }
  const say = (more: Loose): Promise<number> =>
    deliver(flow, webhook(flow, { ...who, more: { text: undefined, ...more } }))
  const wamid = newWamid()
  await deliver(flow, webhook(flow, { ...who, wamid, text: WORDS.text }))
  await flow.until('the row', () => count(flow, WORDS.text) === 1, 30_000)
  const [conversation] = flow.conversations()
  await say({
    type: 'document',
    document: { id: '699999999999998', caption: WORDS.caption, filename: WORDS.filename, mime_type: 'application/pdf' }
  })
  await say({ type: 'reaction', reaction: { message_id: wamid, emoji: '👍' } })
  await say({
    type: 'edit',
    edit: { original_message_id: wamid, message: { type: 'text', text: { body: WORDS.edited } } }
  })
  await say({ type: 'revoke', revoke: { original_message_id: wamid } })
  await say({ type: 'location', location: { latitude: 1, longitude: 2, name: WORDS.place } })
  await say({
    type: 'contacts',
    contacts: [{ name: { formatted_name: WORDS.card }, phones: [{ phone: `+${PHONES.card}`, wa_id: PHONES.card }] }]
  })
  await say({
    type: 'interactive',
    interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', response_json: JSON.stringify({ q: WORDS.form }) } }
  })
  await say({ type: 'some_new_kind', some_new_kind: { body: WORDS.unknown } })
  await say({ type: 'unsupported', errors: [{ code: 131051, title: 'x', error_data: { details: WORDS.details } }] })
  const echo = {
    from: '1',
    to: PHONES.echoed,
    id: newWamid(),
    timestamp: String(nowSeconds()),
    type: 'text',
    text: { body: WORDS.echo }
  }
  await deliver(flow, other(flow, 'smb_message_echoes', 'message_echoes', [echo]))
  t.equal(await deliver(flow, webhook(flow, { ...who, text: WORDS.refused }), { sign: 'wrong' }), 401)
  t.equal(await deliver(flow, null, { body: undefined, raw: `{"broken": "${WORDS.malformed} +${waId}"` }), 200)
  const foreign = webhook(flow, { ...who, text: WORDS.foreign })
  foreign.entry[0].changes[0].value.metadata.phone_number_id = '999999999999999'
  await deliver(flow, foreign)
  await fetch(`${flow.url}/webhooks/whatsapp?hub.verify_token=wrong-${waId}`)
  await fetch(`${flow.url}/nowhere`)
  await flow.settle(30_000)

  // The desk has the phone already, answers with it in the error, then it fails with the customer's words in its answer.
  flow.act({ act: 'createContact', name: 'x', phone: `+${PHONES.adopted}` })
  flow.sandbox.faults.set([
    {
      on: 'call:desk',
      kind: 'status',
      match: 'POST',
      status: 500,
      count: 1,
      body: { error: `cannot for ${waId}: ${WORDS.late}` }
    }
  ])
  await deliver(flow, webhook(flow, { text: WORDS.late, waId: PHONES.adopted }))
  await flow.until('the row', () => count(flow, WORDS.late) === 1, 60_000)
  flow.sandbox.faults.set([])

  // The other direction.
  flow.reply({ conversationId: conversation.id, content: WORDS.answer })
  flow.reply({ conversationId: conversation.id, content: WORDS.internal, private: true })
  await flow.until('the answer', () => flow.sent().length === 1, 30_000)
  await flow.settle(30_000)
  await flow.door('graph', { failNext: { code: 131026, details: `${WORDS.details} +${waId}` } })
  flow.reply({ conversationId: conversation.id, content: WORDS.failed })
  await flow.until(
    'failed',
    () => flow.messages().find(row => row.content === WORDS.failed).status === 'failed',
    30_000
  )
  await flow.door('graph', { failNext: { code: 131026, as: 'status', details: `${WORDS.details} +${waId}` } })
  const { messageId } = flow.reply({ conversationId: conversation.id, content: WORDS.deleted })
  await flow.until(
    'failed by a status',
    () => flow.messages().find(row => row.id === messageId).status === 'failed',
    30_000
  )
  flow.act({ act: 'delete', conversationId: conversation.id, messageId })
  flow.act({ act: 'start', phone: `+${PHONES.started}`, name: WORDS.name, content: WORDS.started })
  await flow.door('clock', { jumpMs: 25 * 3_600_000 })
  flow.reply({ conversationId: conversation.id, content: WORDS.parked })
  await flow.until(
    'parked',
    () => flow.messages().find(row => row.content === WORDS.parked).status === 'failed',
    30_000
  )
  await flow.settle(60_000)

  const tables = await dump(flow)
  const logs = flow.logs.join('').toLowerCase()
  const metrics = (await (await fetch(`${flow.url}/metrics`)).text()).toLowerCase()
  t.ok(tables.get('events')!.includes(wamid.toLowerCase()), 'the search sees what is there')
  t.ok((await sql(flow, 'select 1 from pages')).length > 0, 'payloads are kept, sealed')
  t.ok(flow.logs.length > 5, 'something was logged')

  const graph = flow.sandbox.graph.config() as Loose
  const desk = flow.sandbox.desk.config() as Loose
  const [number] = flow.runtime.bridge.registry.numbers()
  const tokens: Record<string, string> = {
    'token of WhatsApp': graph.token,
    'app secret': graph.appSecret,
    'verify token': graph.verifyToken,
    'token of the desk': desk.adminToken,
    'secret of the hooks': String(number!.hookSecret),
    'master key': Buffer.alloc(32, 7).toString('base64')
  }
  const needles: [what: string, guise: string][] = [
    ...Object.entries(WORDS).flatMap(([what, text]) =>
      guises(text, true).map(each => [what, each] as [string, string])
    ),
    ...Object.entries(tokens).flatMap(([what, text]) =>
      guises(text, true).map(each => [what, each] as [string, string])
    ),
    ...Object.entries(PHONES).flatMap(([what, text]) =>
      guises(text, false).map(each => [what, each] as [string, string])
    ),
    ...guises(USER_ID, true).map(each => ['user id', each] as [string, string])
  ]
  for (const text of Object.values(tokens)) t.ok(text.length >= 8, 'every token is there to be looked for')
  const places = new Map([...tables, ['log lines', logs], ['metrics', metrics]])
  for (const [place, text] of places) {
    const told = needles.filter(([, guise]) => text.includes(guise)).map(([what, guise]) => `${what} (${guise})`)
    t.same(told, [], place)
  }
})
