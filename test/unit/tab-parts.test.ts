/** The pure parts of the tab: where we are, addresses of calls, streams, search, markup, places, voice notes. */
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import t from 'tap'
import { ROUTES } from '../../plugin/http/contract/routes.ts'
import { adminRoutes } from '../../ui-extension/src/admin/routes.ts'
import { countSamples, readWebm, rewrapAsOgg } from '../../ui-extension/src/compose/webm-to-ogg.ts'
import { packDeskSession, readDeskSession } from '../../ui-extension/src/link/desk-session.ts'
import { readAddress, readContext } from '../../ui-extension/src/link/read-context.ts'
import { routes } from '../../ui-extension/src/link/routes.ts'
import { splitEvents } from '../../ui-extension/src/link/split-events.ts'
import { readSpot } from '../../ui-extension/src/parts/read-spot.ts'
import { type Inline, plainText, readMarkup } from '../../ui-extension/src/preview/read-markup.ts'
import { searchTemplates } from '../../ui-extension/src/templates/search-templates.ts'
import { seeds } from '../support/tab-world.ts'

const recorded = new URL('../fixtures/chatwoot/recorded-4.16.2/dashboard_app.appContext.json', import.meta.url)

t.test('the context of a real Chatwoot tells where we are, also as text and as the mobile app spells it', async t => {
  const text = await readFile(recorded, 'utf8')
  const place = {
    accountId: 1,
    conversationId: 1,
    inboxId: 1,
    agentId: 2,
    contactId: 1,
    agentName: 'Bea Agent',
    deskOrigin: 'https://desk.test'
  }
  t.same(readContext(text, 'https://desk.test'), place)
  t.same(readContext(JSON.parse(text), 'https://desk.test'), place)
  const { event, data } = JSON.parse(text)
  const { currentAgent, ...rest } = data
  t.same(readContext({ event, data: { ...rest, current_agent: currentAgent } }, null), { ...place, deskOrigin: null })
})

t.test('anything else is no context, and nothing makes the reader throw', async t => {
  for (const other of [
    '',
    'hello',
    '{}',
    '{"event":"appContext"}',
    null,
    7,
    { event: 'appContext', data: { conversation: { id: 'x', account_id: 1 } } }
  ])
    t.equal(readContext(other, 'https://desk.test'), null)
  t.equal(readContext(await readFile(recorded, 'utf8'), 'null')?.deskOrigin, null, 'an opaque origin names no desk')
  fc.assert(
    fc.property(fc.anything(), value => {
      readContext(value, null)
      return true
    })
  )
  t.same(readAddress('?account=3&conversation=57')?.conversationId, 57)
  t.equal(readAddress('?account=3&conversation=-1'), null)
})

t.test('every call of the page goes where the server listens', t => {
  const table = ROUTES as Record<string, { method: string; path: string }>
  for (const [name, where] of Object.entries({ ...routes, ...adminRoutes }))
    t.equal(where, `${table[name]?.method} ${table[name]?.path}`, name)
  t.end()
})

t.test("the desk's cookie is read as its dashboard writes it, and packed for the header", t => {
  const held = { 'access-token': 'a-b', client: 'c', uid: 'bea@lab.test', expiry: '1', 'token-type': 'Bearer' }
  const cookies = `x=1; cw_d_session_info=${encodeURIComponent(JSON.stringify(held))}; y=2`
  const read = readDeskSession(cookies)
  t.same(read, { 'access-token': 'a-b', client: 'c', uid: 'bea@lab.test' })
  t.same(JSON.parse(Buffer.from(packDeskSession(read!), 'base64url').toString()), read)
  for (const bad of ['', 'cw_d_session_info=', 'cw_d_session_info=%7B%7D', 'cw_d_session_info=%E0%A4%A'])
    t.equal(readDeskSession(bad), null)
  t.end()
})

t.test('events arrive whole, however the stream is cut', t => {
  const whole = 'event: status\ndata: {"a":1}\n\n: beat\n\nevent: message\r\ndata: one\r\ndata: two\r\n\r\n'
  const expected = [
    { event: 'status', data: '{"a":1}' },
    { event: 'message', data: 'one\ntwo' }
  ]
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), cuts => {
      const at = [0, ...cuts.sort((one, other) => one - other), whole.length]
      let rest = ''
      const seen = at.slice(1).flatMap((to, n) => {
        const told = splitEvents(rest + whole.slice(at[n], to))
        rest = told.rest
        return told.events
      })
      t.same(seen, expected)
    }),
    { numRuns: 60 }
  )
  t.end()
})

t.test('templates are found by words of name, text and buttons, whatever case or accent', t => {
  const all = seeds.map(one => one.summary)
  const find = (query: string, language = '', category = ''): string[] =>
    searchTemplates(all, { query, language, category }).map(one => one.id)
  t.same(find('ORDER update', 'es'), ['t-order'])
  t.same(find('pedido camino'), ['t-order'])
  t.same(find('codigo'), ['t-otp', 't-offer'], 'a hit in the name goes before one in a button')
  t.same(find('', 'ar'), ['t-ar'])
  t.same(find('', '', 'marketing'), ['t-offer', 't-cards'])
  t.same(find('nothing like this'), [])
  t.end()
})

const flat = (spans: Inline[]): string => spans.map(span => ('text' in span ? span.text : flat(span.children))).join('')

t.test('the preview draws WhatsApp markup and loses no letter', t => {
  t.same(readMarkup('*bold* and _it_')[0], { kind: 'bold', children: [{ kind: 'text', text: 'bold' }] })
  t.match(readMarkup('see https://a.test/x_y_z now'), [{}, { kind: 'link', text: 'https://a.test/x_y_z' }, {}])
  t.match(readMarkup('Hello {{first_name}}!'), [{}, { kind: 'slot', text: '{{first_name}}' }, {}])
  t.match(readMarkup('*{{1}}*'), [{ kind: 'bold', children: [{ kind: 'slot' }] }])
  t.equal(flat(readMarkup('2*3*4 = 24, snake_case_name')), '2*3*4 = 24, snake_case_name')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab *_~{}1\n.h'), maxLength: 40 }), text => {
      const letters = (one: string): string => one.replace(/[*_~]/g, '')
      t.equal(letters(flat(readMarkup(text))), letters(text))
    }),
    { numRuns: 200 }
  )
  t.end()
})

t.test('where there is no room for formatting, the words alone are shown, slots as they are', t => {
  t.equal(plainText('Hola *{{1}}*, llega el _{{2}}_ a `casa`.'), 'Hola {{1}}, llega el {{2}} a casa.')
  t.equal(plainText('2*3*4 and snake_case_name'), '2*3*4 and snake_case_name')
  t.end()
})

t.test('a place is read from two numbers or the link of a map', t => {
  const madrid = { latitude: '40.4165', longitude: '-3.70256' }
  for (const text of [
    '40.4165, -3.70256',
    'https://www.google.com/maps/place/X/@40.4165,-3.70256,17z',
    'https://maps.google.com/?q=40.4165,-3.70256',
    'https://www.openstreetmap.org/#map=17/40.4165/-3.70256'
  ])
    t.same(readSpot(text), madrid, text)
  for (const text of ['', 'Plaza Mayor', '140.1, 3.2', 'https://maps.app.goo.gl/abc'])
    t.equal(readSpot(text), null, text)
  t.end()
})

/** A WebM as recorders write it: open sizes, one Opus track, simple blocks. */
function makeWebm(packets: Uint8Array[]): Uint8Array {
  const head = Buffer.concat([Buffer.from('OpusHead'), Buffer.from([1, 1, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0])])
  const element = (id: string, body: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x10, 0, body.length >> 8, body.length & 255]), body])
  const open = (id: string): Buffer => Buffer.concat([Buffer.from(id, 'hex'), Buffer.from('01ffffffffffffff', 'hex')])
  const tracks = element(
    '1654ae6b',
    element('ae', Buffer.concat([element('d7', Buffer.from([1])), element('63a2', head)]))
  )
  const blocks = packets.map((packet, at) =>
    element('a3', Buffer.concat([Buffer.from([0x81, 0, at & 127, 0x80]), packet]))
  )
  return Buffer.concat([
    element('1a45dfa3', Buffer.from([0x42, 0x86, 0x81, 1])),
    open('18538067'),
    tracks,
    open('1f43b675'),
    ...blocks
  ])
}

t.test('a recording is re-wrapped as Ogg packet by packet, with true lengths and checksums', t => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 700 }), { minLength: 1, maxLength: 300 }), made => {
      // 20 ms of CELT, one frame: the first byte says so.
      const packets = made.map(one => Uint8Array.from([0xf8, ...one.slice(1)]))
      const webm = makeWebm(packets)
      t.equal(readWebm(webm).packets.length, packets.length)
      const { bodies, granule } = readOgg(Buffer.from(rewrapAsOgg(webm)))
      t.equal(bodies[0]?.subarray(0, 8).toString(), 'OpusHead')
      t.equal(bodies[1]?.subarray(0, 8).toString(), 'OpusTags')
      t.ok(
        bodies.slice(2).every((body, at) => body.equals(Buffer.from(packets[at] ?? []))),
        'every packet, in order'
      )
      t.equal(granule, BigInt(312 + packets.length * 960))
    }),
    { numRuns: 15 }
  )
  t.equal(countSamples(Uint8Array.from([0xfb, 2])), 1920, 'two frames of 20 ms')
  t.throws(() => rewrapAsOgg(Uint8Array.from([1, 2, 3])), /no Opus/)
  t.end()
})

function crcOf(page: Buffer): number {
  let crc = 0
  for (const byte of page) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}

/** Reads pages as the format says (RFC 3533), checking each checksum. */
function readOgg(file: Buffer): { bodies: Buffer[]; granule: bigint } {
  const bodies: Buffer[] = []
  let granule = 0n
  let at = 0
  while (at < file.length) {
    const segments = file[at + 26] ?? 0
    const lacing = [...file.subarray(at + 27, at + 27 + segments)]
    const size = 27 + segments + lacing.reduce((sum, one) => sum + one, 0)
    const page = Buffer.from(file.subarray(at, at + size))
    const told = page.readUInt32LE(22)
    page.writeUInt32LE(0, 22)
    if (crcOf(page) !== told) throw new Error('checksum')
    granule = page.readBigUInt64LE(6)
    let from = 27 + segments
    let length = 0
    for (const one of lacing) {
      length += one
      if (one === 255) continue
      bodies.push(page.subarray(from, from + length))
      from += length
      length = 0
    }
    at += size
  }
  return { bodies, granule }
}
