// What the desk's editor cannot write, what goes wrong and is mended, and how the tab hears of it.
import sharp from 'sharp'
import t from 'tap'
import { TONE_MP3 } from '../support/media-samples.ts'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

t.test('S85: composed messages leave in their own form and stand readable in the desk', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin({ text: 'What do you have?' })
  const bea = await tab.signIn('bea')
  const send = (message: object) =>
    tab.call('POST', `/conversations/${conversationId}/messages`, { as: bea, withDesk: true, body: { message } })
  const row = (messageId: number): Loose =>
    flow
      .conversations()
      .find(each => each.id === conversationId)
      .messages.find((each: Loose) => each.id === messageId)
  const incoming = flow
    .conversations()[0]
    .messages.find((each: Loose) => each.type === 'incoming' || each.messageType === 0)
  const cases: [object, (sent: Loose) => boolean, RegExp][] = [
    [
      { kind: 'buttons', body: 'Which *one*?', footer: 'Thanks', buttons: [{ title: 'Red' }, { title: 'Blue' }] },
      sent => sent.interactive?.type === 'button' && sent.interactive.action.buttons[1].reply.title === 'Blue',
      /Red[\s\S]*Blue/
    ],
    [
      {
        kind: 'list',
        body: 'Our menu',
        buttonText: 'See',
        sections: [
          { title: 'Cold', rows: [{ title: 'Soup', description: 'of the day' }] },
          { title: 'Warm', rows: [{ title: 'Stew' }] }
        ]
      },
      sent =>
        sent.interactive?.type === 'list' && sent.interactive.action.sections[0].rows[0].description === 'of the day',
      /Soup[\s\S]*Stew/
    ],
    [
      { kind: 'url_button', body: 'Pay here', buttonText: 'Pay', url: 'https://example.org/pay?x=1' },
      sent => sent.interactive?.type === 'cta_url' && sent.interactive.action.parameters.display_text === 'Pay',
      /Pay.*example/
    ],
    [
      { kind: 'location', latitude: 40.4168, longitude: -3.7038, name: 'Shop', address: 'Calle 1' },
      sent => sent.location?.name === 'Shop',
      /Shop, Calle 1[\s\S]*40\.4168/
    ],
    [
      { kind: 'location_request', body: 'Where are you?' },
      sent => sent.interactive?.type === 'location_request_message',
      /Where are you\?/
    ],
    [
      {
        kind: 'contacts',
        contacts: [
          {
            name: 'Paco',
            organisation: 'Taller_Sur',
            phones: [{ number: '+34600000001', type: 'WORK' }],
            emails: [{ address: 'paco@example.org' }]
          }
        ]
      },
      sent => sent.contacts?.[0]?.name.formatted_name === 'Paco',
      /Paco[\s\S]*Taller\\?_Sur[\s\S]*\+34600000001[\s\S]*paco@example\.org/
    ]
  ]
  for (const [message, isIt, shown] of cases) {
    const told = await send(message)
    t.equal(told.status, 202, JSON.stringify(told.body))
    await flow.until(JSON.stringify(message), () => flow.sent().some(isIt))
    t.match(row(told.body.messageId).content, shown)
  }
  const reaction = await send({ kind: 'reaction', messageId: incoming.id, emoji: '👍' })
  t.equal(reaction.status, 202, JSON.stringify(reaction.body))
  await flow.until('the reaction', () => flow.sent().some(each => each.reaction?.emoji === '👍'))
  t.match(row(reaction.body.messageId).content, /Bea Agent.*👍/)
  await flow.settle()
  t.equal(flow.sent().length, cases.length + 1, 'each once')

  t.match(await send({ kind: 'reaction', messageId: incoming.id, emoji: 'ab' }), {
    status: 400,
    body: { problems: [{ code: 'one_emoji' }] }
  })
  t.match(await send({ kind: 'reaction', messageId: 999, emoji: '👍' }), { status: 404 })
  t.match(await send({ kind: 'buttons', body: 'x', buttons: [{ title: 'A' }, { title: 'A' }] }), { status: 400 })
  t.match(await send({ kind: 'buttons', body: 'x', buttons: [{ title: 'A title that is far too long' }] }), {
    status: 400
  })
})

t.test('S74, S85: a true voice note and a sticker, each judged when it is uploaded', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const upload = async (name: string, purpose: string, type: string, raw: Buffer) =>
    (
      await tab.call('POST', `/uploads?name=${name}&purpose=${purpose}`, {
        as: bea,
        raw,
        headers: { 'content-type': type }
      })
    ).body
  const send = (message: object) =>
    tab.call('POST', `/conversations/${conversationId}/messages`, { as: bea, withDesk: true, body: { message } })

  const voice = await upload('note.mp3', 'voice', 'audio/mpeg', TONE_MP3)
  t.match(voice, { sendsAs: 'audio', refusal: null }, JSON.stringify(voice))
  t.equal((await send({ kind: 'voice', file: { from: 'upload', uploadId: voice.uploadId } })).status, 202)
  const sent = await flow.until('the voice note', () => flow.sent().find(each => each.audio !== undefined), 20_000)
  t.equal(sent.audio.voice, true)

  const webp = await sharp({ create: { width: 512, height: 512, channels: 4, background: '#25d366' } })
    .webp()
    .toBuffer()
  const sticker = await upload('ok.webp', 'sticker', 'image/webp', webp)
  t.match(sticker, { sendsAs: 'sticker', refusal: null }, JSON.stringify(sticker))
  t.equal((await send({ kind: 'sticker', file: { from: 'upload', uploadId: sticker.uploadId } })).status, 202)
  await flow.until('the sticker', () => flow.sent().some(each => each.sticker?.id !== undefined))

  const text = await upload('words.txt', 'voice', 'text/plain', Buffer.from('no sound at all'))
  t.equal(text.sendsAs, null)
  t.ok(text.refusal.length > 20, 'said before sending')
  const refused = await send({ kind: 'voice', file: { from: 'upload', uploadId: text.uploadId } })
  t.match(refused, { status: 422, body: { code: 'media_unsupported' } })
})

t.test('failures are shown with who can mend them, Retry sends once more, live events tell of it', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const events: Loose[] = []
  const abort = new AbortController()
  const live = await fetch(`${flow.url}/api/v1/conversations/${conversationId}/events`, {
    headers: { authorization: `Bearer ${bea.token}` },
    signal: abort.signal
  })
  t.equal(live.status, 200)
  t.match(live.headers.get('content-type'), 'text/event-stream')
  const reading = (async () => {
    let text = ''
    for await (const chunk of live.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end < 0) break
        const [, name] = /^event: (.+)$/m.exec(text.slice(0, end)) ?? []
        const [, data] = /^data: (.+)$/m.exec(text.slice(0, end)) ?? []
        if (name !== undefined && data !== undefined) events.push({ name, data: JSON.parse(data) })
        text = text.slice(end + 2)
      }
    }
  })().catch(() => {})
  t.teardown(() => abort.abort())
  await flow.until('the first status', () => events.some(each => each.name === 'status'))

  await flow.door('faults', [
    {
      on: 'call:graph',
      kind: 'status',
      match: 'POST /messages',
      count: 1,
      status: 400,
      body: { error: { code: 131026, message: 'Message undeliverable' } }
    }
  ])
  const told = await tab.call('POST', `/conversations/${conversationId}/messages`, {
    as: bea,
    withDesk: true,
    body: { message: { kind: 'text', text: 'Are you there?' } }
  })
  t.equal(told.status, 202)
  const failed = await flow.until('the failure', () =>
    events.find(each => each.name === 'message' && each.data.state === 'failed')
  )
  t.match(failed.data, { messageId: told.body.messageId, failure: { whoCanMend: 'agent', sentence: /.{20,}/ } })
  const status = await tab.call('GET', `/conversations/${conversationId}`, { as: bea })
  t.match(status.body.lastFailure, { messageId: told.body.messageId, text: 'Are you there?' })
  await flow.until('failed in the desk', () =>
    flow.messages().some((each: Loose) => each.id === told.body.messageId && each.status === 'failed')
  )
  await flow.settle()
  const retry = await tab.call('POST', `/conversations/${conversationId}/messages/${told.body.messageId}/retry`, {
    as: bea,
    withDesk: true
  })
  t.equal(retry.status, 202, JSON.stringify(retry.body))
  await flow.until('sent by Retry', () => flow.sent().some(each => each.text?.body === 'Are you there?'))
  await flow.until('read, and told so live', () =>
    events.some(
      each => each.name === 'message' && each.data.messageId === told.body.messageId && each.data.state === 'read'
    )
  )
  await flow.settle()
  t.equal(flow.sent().length, 1)
  const again = await tab.call('POST', `/conversations/${conversationId}/messages/${told.body.messageId}/retry`, {
    as: bea
  })
  t.match(again, { status: 409, body: { code: 'not_failed' } })
  abort.abort()
  await reading
})

t.test('law 5: what the desk may have taken is looked for before it is written again', async t => {
  const tab = await openTab(t, { injected: { timeFactor: 0.05 } })
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  await flow.door('faults', [
    { on: 'call:desk', kind: 'timeout_after_accept', match: 'POST /conversations/:id/messages', count: 1 }
  ])
  const told = await tab.call('POST', `/conversations/${conversationId}/messages`, {
    as: bea,
    withDesk: true,
    body: { message: { kind: 'text', text: 'Only once, please' } }
  })
  t.equal(told.status, 202, JSON.stringify(told.body))
  await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'Only once, please'), 20_000)
  await flow.settle()
  t.equal(flow.sent().length, 1)
  const rows = flow.messages().filter((each: Loose) => each.content?.includes('Only once, please'))
  t.equal(rows.length, 1, 'one row in the desk')
})
