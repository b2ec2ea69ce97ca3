/** Conversations, messages and files of the desk stand-in: contract §3, §4 and §13. */
import t from 'tap'
import type { Loose } from './sandbox-desk-lab.ts'
import { differences, fixture, openLab, openTalk, pause } from './sandbox-desk-lab.ts'

t.test(
  'every POST makes another conversation, unless the inbox is locked to one; an invalid first message leaves nothing',
  async s => {
    const lab = await openLab()
    s.teardown(() => lab.close())
    const { contactId, id } = await openTalk(lab)
    const body = { inbox_id: lab.inbox.id, contact_id: contactId, source_id: 'src-1' }
    const six = await Promise.all([1, 2, 3, 4, 5, 6].map(() => lab.call('POST', 'conversations', body)))
    s.equal(new Set(six.map(answer => answer.json.id)).size, 6)
    const message = { message_type: 'incoming', content: 'x'.repeat(150_001) }
    const tooLong = await lab.call('POST', 'conversations', { ...body, message })
    s.equal(tooLong.status, 422)
    s.strictSame(tooLong.json, {
      message: 'Content is too long (maximum is 150000 characters)',
      attributes: ['content']
    })
    const list = await lab.call('GET', `conversations?inbox_id=${lab.inbox.id}&source_id=src-1&status=all`)
    s.equal(list.json.data.payload.length, 7)
    s.equal(list.json.data.meta.all_count, 7)
    await lab.call('PATCH', `inboxes/${lab.inbox.id}`, { lock_to_single_conversation: true })
    const locked = await lab.call('POST', 'conversations', body)
    s.equal(locked.json.id, Math.max(id, ...six.map(answer => answer.json.id)))
    const other = await lab.call('POST', 'contacts', { name: 'Other' })
    const clash = await lab.call('POST', 'conversations', { ...body, contact_id: other.json.payload.contact.id })
    s.strictSame([clash.status, clash.json], [422, fixture('errors')['422 conversations create']])
  }
)

t.test(
  'incoming reopens; outgoing does not; an agent who opens gets it; attributes and labels are replaced',
  async s => {
    const lab = await openLab()
    s.teardown(() => lab.close())
    const { id, path } = await openTalk(lab)
    await lab.call('POST', `${path}/toggle_status`, { status: 'resolved' })
    await lab.call('POST', `${path}/messages`, { content: 'out' })
    s.equal((await lab.call('GET', path)).json.status, 'resolved')
    s.equal(
      (await lab.call('GET', `conversations?inbox_id=${lab.inbox.id}`)).json.data.payload.length,
      0,
      'open is the default'
    )
    await lab.settle()
    await lab.call('POST', `${path}/messages`, { message_type: 'incoming', content: 'in' })
    s.equal((await lab.call('GET', path)).json.status, 'open')
    const events = (await lab.waitHooks(4)).map(hook => hook.body.event)
    s.ok(events.includes('conversation_status_changed') && events.includes('message_created'))
    const updated = lab.hooks.find(hook => hook.body.event === 'conversation_updated')
    s.strictSame(updated?.body.changed_attributes[0], { status: { previous_value: 'resolved', current_value: 'open' } })
    s.equal(lab.hooks.find(hook => hook.body.event === 'conversation_status_changed')?.body.changed_attributes, null)
    const activity = (await lab.call('GET', `${path}/messages`)).json.payload.filter(
      (row: Loose) => row.message_type === 2
    )
    s.ok(
      activity.some((row: Loose) => row.content === 'System reopened the conversation due to a new incoming message.')
    )

    await lab.call('POST', `${path}/toggle_status`, { status: 'resolved' })
    const opened = await lab.call('POST', `${path}/toggle_status`, { status: 'open' }, { token: lab.agent })
    const toggled = fixture('api.conversations.toggle_status.response')
    s.strictSame(differences(opened.json, toggled), [])
    s.equal((await lab.call('GET', path)).json.meta.assignee.name, 'Bea Agent')
    const keys = Object.keys((await lab.call('GET', path)).json.meta)
    s.strictSame(keys, ['sender', 'channel', 'assignee', 'assignee_type', 'hmac_verified'])

    await lab.call('POST', `${path}/custom_attributes`, { custom_attributes: { a: 1 } })
    const replaced = await lab.call('POST', `${path}/custom_attributes`, { custom_attributes: { b: 2 }, merge: true })
    s.strictSame(replaced.json, { custom_attributes: { b: 2 } })
    const millis = await lab.call('POST', `${path}/custom_attributes`, { custom_attributes: { at: 1795341909560 } })
    s.equal(millis.status, 422)
    await lab.call('POST', `${path}/labels`, { labels: ['VIP', 'whatsapp'] })
    s.strictSame((await lab.call('POST', `${path}/labels`, { labels: ['whatsapp'] })).json, { payload: ['whatsapp'] })
    s.equal((await lab.call('GET', `conversations/${id + 1000}`)).status, 404)
  }
)

t.test('the list pages by 25, finds what was updated within seconds, and counts', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  for (let i = 0; i < 30; i++) await openTalk(lab, `c${i}`)
  const page = (query: string) => lab.call('GET', `conversations?inbox_id=${lab.inbox.id}&${query}`)
  s.equal((await page('status=all')).json.data.payload.length, 25)
  s.equal((await page('status=all&page=2')).json.data.payload.length, 5)
  s.equal((await page('status=all&updated_within=60')).json.data.payload.length, 30)
  lab.parts.clock.jump(120_000)
  s.equal((await page('status=all&updated_within=60')).json.data.payload.length, 0)
  s.match((await page('status=all')).json.data.meta, {
    all_count: 30,
    unassigned_count: 30,
    assigned_count: 0,
    mine_count: 0
  })
})

t.test('messages: list windows, echo id, sources that repeat, quotes that cannot be resolved', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const { path } = await openTalk(lab)
  const ids: number[] = []
  for (let i = 0; i < 120; i++) {
    const made = await lab.call('POST', `${path}/messages`, {
      message_type: 'incoming',
      content: `m${i}`,
      source_id: 'same'
    })
    ids.push(made.json.id)
  }
  const window = async (query: string) =>
    (await lab.call('GET', `${path}/messages${query}`)).json.payload.map((row: Loose) => row.id)
  s.strictSame(await window(''), ids.slice(-20))
  s.strictSame(await window(`?before=${ids[50]}`), ids.slice(30, 50))
  s.strictSame(await window(`?after=${ids[0]}`), ids.slice(1, 101))
  s.strictSame(await window(`?after=${ids[3]}&before=${ids[6]}`), ids.slice(3, 6))
  const body = {
    message_type: 'incoming',
    content: 'q',
    echo_id: 'e1',
    content_attributes: { in_reply_to_external_id: 'unknown', mine: { x: 1 } }
  }
  const quoted = await lab.call('POST', `${path}/messages`, body)
  s.strictSame(quoted.json.content_attributes, { in_reply_to_external_id: null, mine: { x: 1 }, in_reply_to: null })
  s.strictSame(
    differences(quoted.json, fixture('api.messages.create-incoming.response'), [
      /sender|content|source_id$/,
      /echo_id$/
    ]),
    []
  )
  s.equal(quoted.json.status, 'sent', 'born as sent')
  const strange = await lab.call('POST', `${path}/messages`, { message_type: 'sideways', content: 'x' })
  s.strictSame([strange.status, strange.json], [422, { error: "'sideways' is not a valid message_type" }])
  const long = await lab.call('POST', `${path}/messages`, { content: 'x'.repeat(150_001) })
  s.strictSame([long.status, long.json], [422, fixture('api.messages.error-422.response')])
  await lab.settle()
  const line = await lab.call('POST', `${path}/messages`, { message_type: 'activity', content: 'Ana reacted' })
  s.equal(line.json.message_type, 2)
  await pause(40)
  s.equal(lab.hooks.length, 0, 'an activity row sends no hook')
})

t.test(
  'status: read is not taken back to delivered, the rest is accepted, the reason stays with failed only',
  async s => {
    const lab = await openLab()
    s.teardown(() => lab.close())
    const { path } = await openTalk(lab)
    const { json } = await lab.call('POST', `${path}/messages`, { content: 'out' })
    const patch = async (status: string, external_error?: string) =>
      (await lab.call('PATCH', `${path}/messages/${json.id}`, { status, external_error })).json
    s.equal((await patch('read')).status, 'read')
    await lab.settle()
    s.equal((await patch('delivered')).status, 'read')
    s.equal((await patch('played')).status, 'read')
    await pause(30)
    s.equal(lab.hooks.length, 0, 'a refused step changes nothing')
    s.equal((await patch('sent')).status, 'sent')
    const failed = await patch('failed', '131047: Re-engagement message')
    s.strictSame(failed.content_attributes, { external_error: '131047: Re-engagement message' })
    s.strictSame((await patch('delivered')).content_attributes, { external_error: null })
    const deleted = await lab.call('DELETE', `${path}/messages/${json.id}`)
    s.match(deleted.json, { content: 'This message was deleted', content_attributes: { deleted: true } })
    s.notOk('attachments' in deleted.json)
    const effects = lab.parts.ledger.list({ what: 'effect', name: 'status' }).map(entry => entry.ids['status'])
    s.strictSame(effects, ['read', 'sent', 'failed', 'delivered'])
  }
)

t.test('the 201st message of a conversation in a minute fails, and with it answers and status writes', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const { id, path } = await openTalk(lab)
  let last: Loose
  for (let i = 0; i < 199; i++)
    last = (await lab.call('POST', `${path}/messages`, { message_type: 'incoming', content: 'x' })).json
  const over = await lab.call('POST', `${path}/messages`, { message_type: 'incoming', content: 'x' })
  s.strictSame([over.status, over.json], [422, fixture('api.messages.error-flood.response')])
  const patch = await lab.call('PATCH', `${path}/messages/${last.id}`, { status: 'delivered' })
  s.strictSame([patch.status, patch.json], [422, { message: 'Too many messages', attributes: ['base'] }])
  s.throws(() => lab.desk.reply({ conversationId: id, content: 'agent' }), { message: 'Too many messages' })
  lab.parts.clock.jump(61_000)
  s.equal((await lab.call('POST', `${path}/messages`, { content: 'x' })).status, 200)
})

t.test(
  'files are served under a permanent address that redirects, with their name; large ones only by size',
  async s => {
    const lab = await openLab()
    s.teardown(() => lab.close())
    const { path, id } = await openTalk(lab)
    const form = new FormData()
    form.set('message_type', 'incoming')
    form.append('attachments[]', new Blob(['--x\r\ncontent\r\n'], { type: 'text/plain' }), 'año "1".txt')
    form.append('attachments[]', new Blob([]), 'empty.bin')
    form.append('attachments[]', new Blob([new Uint8Array(17 * 1024 * 1024).fill(1)], { type: 'video/mp4' }), 'big.mp4')
    const { json } = await lab.call('POST', `${path}/messages`, undefined, { form })
    const [first, nothing, big] = json.attachments
    const redirect = await fetch(first.data_url, { redirect: 'manual' })
    s.equal(redirect.status, 302)
    const file = await fetch(first.data_url)
    s.equal(await file.text(), '--x\r\ncontent\r\n')
    s.equal(file.headers.get('content-disposition'), `inline; filename*=UTF-8''${encodeURIComponent('año "1".txt')}`)
    s.equal(nothing.file_size, 0)
    s.strictSame([big.file_type, big.file_size], ['video', 17 * 1024 * 1024])
    s.equal((await (await fetch(big.data_url)).arrayBuffer()).byteLength, 17 * 1024 * 1024)
    const { messageId } = lab.desk.reply({
      conversationId: id,
      attachments: [{ name: 'b1.mp3', type: 'audio/mpeg', bytes: Buffer.from('mp3') }]
    })
    const shown = (await lab.call('GET', `${path}/messages`)).json.payload.find((row: Loose) => row.id === messageId)
    s.match(shown.attachments[0], { file_type: 'audio', transcribed_text: '', data_url: /\?disposition=inline$/ })
    await lab.call('DELETE', `${path}/messages/${json.id}`)
    s.equal((await fetch(first.data_url)).status, 404, 'deleting purges the file')
    const upload = new FormData()
    upload.set('attachment', new Blob(['abc']), 'a.txt')
    const { blob_id } = (await lab.call('POST', 'upload', undefined, { form: upload })).json
    const signed = await lab.call('POST', `${path}/messages`, { message_type: 'incoming', attachments: [blob_id] })
    s.equal(signed.json.attachments[0].file_size, 3)
    const blob = { filename: 'd.txt', byte_size: 4, checksum: 'x', content_type: 'text/plain' }
    const direct = await lab.call('POST', `${path}/direct_uploads`, { blob })
    await fetch(direct.json.direct_upload.url, { method: 'PUT', body: 'file' })
    const sent = await lab.call('POST', `${path}/messages`, { attachments: [direct.json.signed_id] })
    s.equal(await (await fetch(sent.json.attachments[0].data_url)).text(), 'file')
  }
)

t.test('a queued deletion answers 200 to writes that vanish with the conversation', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const { path } = await openTalk(lab)
  s.equal((await lab.call('DELETE', path)).status, 200)
  s.equal((await lab.call('POST', `${path}/messages`, { message_type: 'incoming', content: 'late' })).status, 200)
  await pause(90)
  s.equal((await lab.call('GET', path)).status, 404)
  s.equal((await lab.call('POST', `${path}/messages`, { content: 'x' })).status, 404)
})
