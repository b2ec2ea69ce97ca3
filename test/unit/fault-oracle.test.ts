/** The judge of the fault run sees what it is there for: made-up evidence of each broken law is named by its tag. */
import t from 'tap'
import type { Reply, Said } from '../fault/load.ts'
import { type EventRow, type Evidence, judge } from '../fault/oracle.ts'
import type { World } from '../fault/world.ts'

const PHONE = '4915700000001'

interface Row {
  wamid: string
  id: number
  phone?: string
  status?: string
}

interface Story {
  said?: Said[]
  replies?: Reply[]
  rows?: Row[]
  events?: EventRow[]
  sent?: Partial<Evidence['sent'][number]>[]
  more?: Partial<Evidence>
}

const said = (n: number): Said => ({ wamid: `wamid.${n}`, tag: `i${n}`, phone: PHONE, atMs: n })
const reply = (messageId: number): Reply => ({
  messageId,
  conversationId: 1,
  tag: `o${messageId}`,
  units: [`[o${messageId}]`],
  mayVanish: false
})
const event = (key: string, more: object = {}) => ({
  key,
  lane: 1,
  state: 1,
  code: null,
  ord: 1,
  seq: 1,
  received: 0,
  attempted: 10_000,
  ...more
})
const part = (message: number, more: object = {}) => ({
  attempt: `attempt-${message}`,
  message,
  generation: 1,
  attempted: 10_000,
  state: 1,
  ...more
})
const arrival = (n: number, messageId: number, more: object = {}) => ({
  n,
  phone: PHONE,
  callback: `attempt-${messageId}`,
  wamid: `wamid.out.${messageId}`,
  text: `"[o${messageId}] zqplanted"`,
  ...more
})

function verdictOf(story: Story, options = {}) {
  const rows: Evidence['rows'] = new Map()
  const conversations = new Map<string, Evidence['view']['conversations'][number]>()
  for (const { wamid, id, phone = PHONE, status = 'sent' } of story.rows ?? []) {
    let conversation = conversations.get(phone)
    if (conversation === undefined) {
      const contact = { id: conversations.size + 1, name: 'A', phone: `+${phone}`, identifier: null }
      const number = conversations.size + 1
      conversation = { id: number, inboxId: 1, status: 'open', sourceId: null, contact, messages: [] }
      conversations.set(phone, conversation)
    }
    const message = {
      id,
      type: 'incoming',
      content: '',
      status,
      private: false,
      sourceId: wamid,
      contentAttributes: {},
      createdAt: 0,
      attachments: []
    }
    conversation.messages.push(message)
    rows.set(wamid, [...(rows.get(wamid) ?? []), { message, conversation }])
  }
  const evidence = {
    view: { conversations: [...conversations.values()] },
    ledger: [],
    acked: new Map((story.said ?? []).map((each, at) => [each.wamid, at * 2 + 1])),
    spoken: new Map((story.said ?? []).map((each, at) => [each.wamid, at * 2])),
    events: new Map((story.events ?? []).map(each => [each.key, each])),
    deliveries: new Map(),
    parts: [],
    rows,
    deaths: [],
    onTheWayMs: 1_000,
    named: new Set(),
    cutOff: new Set(),
    sent: story.sent ?? [],
    ...story.more
  } as unknown as Evidence
  const world = { load: { said: story.said ?? [], replies: story.replies ?? [] } } as unknown as World
  const { judged, ...found } = judge(world, evidence, options)
  const named = Object.entries(found).filter(([, tags]) => tags.length > 0)
  return { judged, ...(Object.fromEntries(named) as Partial<typeof found>) }
}

const both = [said(1), said(2)]
const inOrder = [event('m:wamid.1', { ord: 1, seq: 1 }), event('m:wamid.2', { ord: 2, seq: 2 })]

t.test('what arrived once, in order and at its place is well', async t => {
  const rows = [
    { wamid: 'wamid.1', id: 11 },
    { wamid: 'wamid.2', id: 12 }
  ]
  t.same(verdictOf({ said: both, rows, events: inOrder }), { judged: 2 })
  t.same(
    verdictOf({
      replies: [reply(21)],
      rows: [{ wamid: 'other', id: 1 }],
      sent: [arrival(1, 21)],
      events: [event('d:21')],
      more: { parts: [part(21)], deliveries: new Map([[21, { state: 'sent', code: null, told: 'sent' }]]) }
    }),
    { judged: 1 }
  )
})

t.test('a message that is nowhere is lost; set aside it is shown, and waiting it is slow', async t => {
  t.same(verdictOf({ said: [said(1)] }).lost, ['i1: acknowledged, event missing'])
  t.same(verdictOf({ said: [said(1)], events: [event('m:wamid.1')] }).lost, ['i1: acknowledged, event 1'])
  const aside = event('m:wamid.1', { state: 2, code: 'desk_invalid' })
  t.same(verdictOf({ said: [said(1)], events: [aside] }), { judged: 1, shown: ['i1: desk_invalid'] })
  t.match(verdictOf({ said: [said(1)], events: [event('m:wamid.1', { state: 0 })] }).broken, [/^slow: i1 still waits/])
})

t.test('a message that stands there twice is doubled, at somebody else it is misfiled', async t => {
  const twice = [
    { wamid: 'wamid.1', id: 11 },
    { wamid: 'wamid.1', id: 12 }
  ]
  t.match(verdictOf({ said: [said(1)], rows: twice }).doubled, [/^i1: row 11 .*, row 12 /])
  const elsewhere = [{ wamid: 'wamid.1', id: 11, phone: '4915700000099' }]
  t.same(verdictOf({ said: [said(1)], rows: elsewhere }).misfiled, ['i1'])
})

t.test('one who was acknowledged first and stands last is out of order', async t => {
  const turned = [
    { wamid: 'wamid.2', id: 11 },
    { wamid: 'wamid.1', id: 12 }
  ]
  t.match(verdictOf({ said: both, rows: turned, events: inOrder }).reordered, [/^i1 after i2: /])
  // Said before the other was acknowledged, and stored when the other had left: nobody could have known.
  const late = [event('m:wamid.1', { received: 9_000 }), event('m:wamid.2', { ord: 2, seq: 2 })]
  const more = { spoken: new Map(both.map(each => [each.wamid, 0])) }
  t.same(verdictOf({ said: both, rows: turned, events: late, more }), { judged: 2 })
})

t.test('answers: lost, doubled, at the wrong phone, out of order', async t => {
  const rows = [{ wamid: 'other', id: 1 }]
  t.match(verdictOf({ replies: [reply(21)], rows }).lost, [/^o21: delivery missing/])
  const sent = [arrival(1, 21), arrival(2, 21)]
  t.same(verdictOf({ replies: [reply(21)], rows, sent }).doubled, ['o21 (2 times)'])
  t.same(verdictOf({ replies: [reply(21)], rows, sent: [arrival(1, 21, { phone: '49' })] }).misfiled, ['o21'])
  const events = [event('d:21'), event('d:22')]
  const parts = [part(21), part(22)]
  const turned = [arrival(1, 22), arrival(2, 21)]
  const replies = [reply(21), reply(22)]
  t.match(verdictOf({ replies, rows, events, sent: turned, more: { parts } }).reordered, [/^o21 after o22: /])
})

t.test('uncertain is honest only where a process died and nobody has said what became of it', async t => {
  const deliveries = new Map([[21, { state: 'uncertain', code: null, told: 'failed' }]])
  const unknown = { replies: [reply(21)], rows: [{ wamid: 'other', id: 1 }] }
  const parts = [part(21, { state: 0 })]
  const deaths = [{ atMs: 10_200 }] as unknown as Evidence['deaths']
  t.same(verdictOf({ ...unknown, more: { deliveries, parts, deaths } }), { judged: 1, uncertain: ['o21'] })
  t.match(verdictOf({ ...unknown, more: { deliveries, parts } }).unexplained, [/no process died/])
  const named = new Set(['wamid.out.21'])
  const told = verdictOf({ ...unknown, sent: [arrival(1, 21)], more: { deliveries, parts, deaths, named } })
  t.match(told.broken, [/although a status named it/])
  const settled = verdictOf({ ...unknown, more: { deliveries, parts: [part(21)], deaths } })
  t.match(settled.broken, [/all its parts are known/])
})

t.test('a tick that fell back, or stays below what WhatsApp said, is broken', async t => {
  const story = {
    replies: [reply(21)],
    rows: [{ wamid: 'wamid.out.21', id: 21, status: 'delivered' }],
    events: [event('d:21')],
    sent: [arrival(1, 21)]
  }
  const deliveries = new Map([[21, { state: 'sent', code: null, told: 'delivered' }]])
  const effect = {
    side: 'desk',
    what: 'effect',
    name: 'status',
    ids: { messageId: 21, from: 'read', status: 'delivered' }
  }
  const call = { side: 'desk', what: 'call', name: 'PATCH /conversations/:id/messages/:id', ids: { messageId: 21 } }
  const ledger = [effect, call] as unknown as Evidence['ledger']
  const fell = verdictOf({ ...story, more: { parts: [part(21)], deliveries, ledger } })
  t.same(fell.broken, ['status of 21 fell from read to delivered'])
  const read = {
    side: 'graph',
    what: 'hook',
    name: 'status',
    status: 200,
    ids: { wamid: 'wamid.out.21', status: 'read' }
  }
  const behind = { parts: [part(21)], deliveries, ledger: [read] as unknown as Evidence['ledger'] }
  t.match(verdictOf({ ...story, more: behind }).broken, [
    /^message 21 shows delivered, told is delivered, WhatsApp said rank 3/
  ])
})

t.test('one customer with two conversations, or a contact made twice, is doubled', async t => {
  const ledger = [1, 1].map(contactId => ({ side: 'desk', name: 'contact', ids: { contactId } }))
  const more = { ledger: ledger as unknown as Evidence['ledger'] }
  const rows = [{ wamid: 'wamid.1', id: 11 }]
  t.same(verdictOf({ said: [said(1)], rows, more }).doubled, ['contact made 2 times'])
  const view = [1, 2].map(id => ({ id, contact: { id: 1, phone: `+${PHONE}` }, messages: [] }))
  const two = { view: { conversations: view } as unknown as Evidence['view'] }
  t.same(verdictOf({ said: [said(1)], rows, more: two }).doubled, ['conversation 1+2'])
  t.same(verdictOf({ said: [said(1)], rows, more: two }, { severalConversations: true }), { judged: 1 })
})
