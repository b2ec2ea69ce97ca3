/** Sends from the desk's own template picker: the recorded payloads become exact template messages, or a sentence. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, graphCalls, lastEntry, query, receivedBytes, sentTo } from './talk.ts'

const recorded = (name: string): Loose =>
  JSON.parse(
    readFileSync(
      new URL(
        `../fixtures/chatwoot/recorded-4.16.2/hook.message_created.template_params.${name}.json`,
        import.meta.url
      ),
      'utf8'
    )
  ).body.additional_attributes.template_params

const body = (text: string): Loose => ({ type: 'BODY', text })
const buttons = (...list: Loose[]): Loose => ({ type: 'BUTTONS', buttons: list })
const copyCode = { type: 'COPY_CODE', text: 'Copy offer code', example: 'UNO' }

const TEMPLATES: Loose[] = [
  {
    name: 'order_update',
    language: 'es',
    components: [
      body('Hola {{1}}, tu pedido {{2}} va en camino.'),
      // The mirrored copy has the open button first: what the picker calls 0 is 1 here.
      buttons({ type: 'QUICK_REPLY', text: 'Gracias' }, { type: 'URL', text: 'Ver', url: 'https://example.com/{{1}}' })
    ]
  },
  { name: 'plain_text', language: 'es', components: [body('Hola, seguimos aquí.')] },
  {
    name: 'promo_img',
    language: 'en_US',
    category: 'MARKETING',
    parameter_format: 'NAMED',
    components: [{ type: 'HEADER', format: 'IMAGE' }, body('Hi {{first_name}}!')]
  },
  { name: 'copy_code', language: 'es', category: 'MARKETING', components: [body('Usa {{1}}.'), buttons(copyCode)] },
  {
    name: 'both_kinds',
    language: 'es',
    category: 'MARKETING',
    components: [
      body('Hola.'),
      buttons(
        { type: 'PHONE_NUMBER', text: 'Llamar', phone_number: '+15550100200' },
        copyCode,
        { type: 'URL', text: 'Fija', url: 'https://example.com/fija' },
        { type: 'URL', text: 'Ver', url: 'https://example.com/{{1}}' }
      )
    ]
  },
  {
    name: 'factura',
    language: 'es_AR',
    components: [
      { type: 'HEADER', format: 'DOCUMENT' },
      body('Tu factura {{1}} está lista.'),
      buttons({ type: 'URL', text: 'Ver', url: 'https://ferreteria.example/f/{{1}}' }, copyCode)
    ]
  }
]

function serveFiles(t: { teardown(end: () => unknown): unknown }): Promise<string> {
  const image = getSample('jpeg')!.bytes
  const pdf = getSample('pdf')!.bytes
  const server: Server = createServer((request, response) => {
    const files: Record<string, [string, Buffer]> = {
      '/a.png': ['image/jpeg', image],
      '/f-99.pdf': ['application/pdf', pdf],
      '/lies.png': ['image/png', pdf]
    }
    if (request.url === '/moved') return response.writeHead(302, { location: '/a.png' }).end()
    if (request.url === '/inward') return response.writeHead(302, { location: 'http://127.0.0.1:9/x.png' }).end()
    const found = files[request.url ?? '']
    if (found === undefined) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': found[0], 'content-length': found[1].length }).end(found[1])
  })
  t.teardown(() => new Promise(done => server.close(done)))
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  )
}

t.test('what the picker sends', async t => {
  const origin = await serveFiles(t)
  const flow = await startFlow(t, {
    options: { mediaOrigins: [origin] },
    statuses: 'manual',
    injected: { timeFactor: 0.25 }
  })
  await flow.door('graph', { templates: TEMPLATES })
  const talk = await beginTalk(flow)
  const send = async (templateParams: Loose): Promise<Loose> => {
    const before = talk.sent().length
    const messageId = talk.reply('the rendered body', { templateParams })
    await flow.until(
      'the template',
      () => {
        const { status, contentAttributes } = talk.row(messageId)
        if (status === 'failed') throw new Error(contentAttributes.external_error)
        return talk.sent().length > before
      },
      20_000
    )
    return talk.sent()[before].template
  }
  /** Each in turn refused in the desk with its sentence; none has an effect at WhatsApp. */
  const refuse = async (t: Loose, cases: [Loose, RegExp][]): Promise<void> => {
    const before = talk.sent().length
    const mark = lastEntry(flow)
    const ids = cases.map(([templateParams]) => talk.reply('the rendered body', { templateParams }))
    for (const [n, [, sentence]] of cases.entries()) {
      const row = () => talk.row(ids[n]!)
      await flow.until('the refusal in the desk', () => row().status === 'failed', 20_000)
      const shown = row().contentAttributes.external_error
      t.match(shown, sentence)
      t.ok(shown.length <= 120, shown)
    }
    t.equal(talk.sent().length, before, 'nothing has left')
    // Templates may be read; nothing is uploaded or sent.
    const calls = graphCalls(flow, mark).filter(name => name !== 'GET /message_templates')
    t.same(calls, [])
  }
  const text = (value: string, name?: string): Loose => ({
    type: 'text',
    ...(name === undefined ? {} : { parameter_name: name }),
    text: value
  })

  await t.test('S50, S98: each recorded payload becomes the exact template message', async t => {
    t.strictSame(await send(recorded('order_update')), {
      name: 'order_update',
      language: { code: 'es' },
      components: [
        { type: 'body', parameters: [text('v0'), text('v1')] },
        { type: 'button', sub_type: 'url', index: '1', parameters: [text('v2')] }
      ]
    })
    await flow.settle()
    t.match(
      await query(flow, 'select category, template, in_session from usage where template is not null'),
      [{ category: 'UTILITY', template: 'order_update', in_session: true }],
      'S60: counted by name and category'
    )
    t.strictSame(await send(recorded('plain_text')), { name: 'plain_text', language: { code: 'es' } })
    t.strictSame((await send(recorded('copy_code'))).components, [
      { type: 'body', parameters: [text('v0')] },
      {
        type: 'button',
        sub_type: 'copy_code',
        index: '0',
        parameters: [{ type: 'coupon_code', coupon_code: 'v1' }]
      }
    ])
  })

  const promo = (url: string): Loose => {
    const params = recorded('promo_img')
    params.processed_params.header.media_url = url
    return params
  }

  await t.test('a media header is fetched by Puente, judged by its content, uploaded and sent by id', async t => {
    const { components } = await send(promo(`${origin}/a.png`))
    const { id } = components[0].parameters[0].image
    t.strictSame(components, [
      { type: 'header', parameters: [{ type: 'image', image: { id } }] },
      { type: 'body', parameters: [text('v1', 'first_name')] }
    ])
    t.ok((await receivedBytes(flow, id)).equals(getSample('jpeg')!.bytes))
    const mark = lastEntry(flow)
    t.equal((await send(promo(`${origin}/moved`))).components[0].parameters[0].image.id, id, 'through a redirect')
    t.same(
      graphCalls(flow, mark).filter(name => /media/.test(name)),
      [],
      'the same bytes are uploaded once'
    )
  })

  await t.test('a document keeps its name, and buttons of both kinds find their places', async t => {
    const factura = {
      name: 'factura',
      language: 'es_AR',
      processed_params: {
        body: { 1: '0001-0099' },
        header: { media_url: `${origin}/f-99.pdf`, media_type: 'document', media_name: 'Factura 99.pdf' },
        buttons: [
          { type: 'url', parameter: 'f-99', url: 'https://ferreteria.example/f/{{1}}', variables: ['1'] },
          { type: 'copy_code', parameter: 'PUENTE10' }
        ]
      }
    }
    const sent = await send(factura)
    const { document } = sent.components[0].parameters[0]
    t.strictSame(document, { id: document.id, filename: 'Factura 99.pdf' })
    t.strictSame(sent.components[2], {
      type: 'button',
      sub_type: 'url',
      index: '0',
      parameters: [text('f-99')]
    })
    factura.processed_params.header.media_name = ''
    t.equal((await send(factura)).components[0].parameters[0].document.filename, 'f-99.pdf')

    // In the mirrored order: copy code, open URL; in the template they are 1 and 3.
    const buttonsOf = async (list: Loose[]) =>
      (await send({ name: 'both_kinds', language: 'es', processed_params: { buttons: list } })).components.map(
        (each: Loose) => [each.index, each.sub_type, Object.values(each.parameters[0])[1]]
      )
    const wanted = [
      ['1', 'copy_code', 'UNO'],
      ['3', 'url', 'x']
    ]
    const code = { type: 'copy_code', parameter: 'UNO' }
    const url = { type: 'url', parameter: 'x' }
    t.strictSame(await buttonsOf([code, url]), wanted)
    t.strictSame(await buttonsOf([null, code, null, url]), wanted, 'also from a list in the template’s own order')
  })

  await t.test('what is missing or wrong gets a sentence, and nothing leaves', async t => {
    const cases: [Loose, RegExp][] = []
    const without = (name: string, part: string): Loose => {
      const params = recorded(name)
      delete params.processed_params[part]
      return params
    }
    cases.push([
      without('order_update', 'body'),
      /^“1” is empty. Fill it in and send again. \(wa_template_parameters\)$/
    ])
    cases.push([without('order_update', 'buttons'), /“Ver” is empty/])
    cases.push([without('promo_img', 'header'), /“image” is empty/])
    const braces = recorded('order_update')
    braces.processed_params.body[2] = '{{contact.custom}}'
    cases.push([braces, /“2” still holds double braces/])
    const long = recorded('copy_code')
    long.processed_params.buttons[0].parameter = 'A'.repeat(21)
    cases.push([long, /“Copy offer code” may have 20 characters at most/])
    const more = recorded('plain_text')
    more.processed_params = { body: { 1: 'x' } }
    cases.push([more, /no place called “1”/])
    cases.push([promo('javascript:1'), /“image” needs a public web address/])
    cases.push([promo('http://127.0.0.1:9/a.png'), /“image” is not public/])
    cases.push([promo(`${origin}/inward`), /“image” is not public/])
    cases.push([promo(`${origin}/absent.png`), /“image” needs a public web address/])
    cases.push([promo(`${origin}/lies.png`), /“image” is of another kind/])
    const two = recorded('promo_img')
    delete two.name
    cases.push([two, /template values do not fit/])
    await refuse(t, cases)
  })

  await t.test('a paused, disabled or unknown template gets a sentence', async t => {
    const cases: [Loose, RegExp][] = []
    const plain = (name: string, language = 'en_US'): Loose => ({ name, language, processed_params: {} })
    cases.push([plain('paused_promo'), /has paused this template. Choose another one. \(wa_template_paused\)/])
    cases.push([plain('disabled_promo'), /has disabled this template/])
    cases.push([plain('no_such_template'), /no such template in this language/])
    cases.push([plain('plain_text', 'fr'), /no such template in this language/])
    cases.push([{ ...plain('rejected_promo', 'pt_BR') }, /not approved \(REJECTED\)/])
    await refuse(t, cases)
  })

  await t.test('a template that our copy does not have yet, or has in another state, is asked for', async t => {
    await flow.door('graph', {
      templates: [
        { name: 'brand_new', components: [body('Fresh.')] },
        { name: 'paused_promo', status: 'APPROVED' }
      ]
    })
    t.equal((await send({ name: 'brand_new', language: 'en_US', processed_params: {} })).name, 'brand_new')
    t.equal((await send({ name: 'paused_promo', language: 'en_US', processed_params: {} })).name, 'paused_promo')
    t.match(await query(flow, "select status from templates where name = 'paused_promo'"), [{ status: 'APPROVED' }])
  })

  await t.test('a send that nobody heard is found and leaves as the template that it is, window or not', async t => {
    const stranger = flow.act({ act: 'start', phone: '+34611000799', content: 'begun' }) as Loose
    await flow.settle()
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop' }])
    flow.reply({
      conversationId: stranger.conversationId,
      content: 'Hola v0, tu pedido v1 va en camino.',
      templateParams: recorded('order_update')
    })
    await flow.until('the lost hook', () => flow.ledger({ what: 'hook' }).some(entry => entry.fault === 'drop'))
    await flow.door('faults', [])
    const found = await flow.until(
      'the template',
      async () => {
        await flow.runtime.reconcile.run(false)
        return sentTo(flow, '34611000799')[0]
      },
      20_000
    )
    t.strictSame(found.template.components, [
      { type: 'body', parameters: [text('v0'), text('v1')] },
      { type: 'button', sub_type: 'url', index: '1', parameters: [text('v2')] }
    ])
  })

  await t.test('what WhatsApp knows otherwise makes our copy be read again', async t => {
    const ourCopy = async (): Promise<string> => {
      const [row] = await query(flow, "select components from templates where name = 'brand_new'")
      return row.components[0].text
    }
    await flow.door('graph', { templates: [{ name: 'brand_new', components: [body('Fresh, {{1}}.')] }] })
    await flow.until('the change in our copy', async () => {
      await flow.runtime.templateMirror.run()
      return (await ourCopy()) === 'Fresh, {{1}}.'
    })
    // Back to what it was: a change that was not heard, and the next poll is far.
    await query(
      flow,
      `update templates set components = jsonb_set(components, '{0,text}', '"Fresh."') where name = 'brand_new'`
    )
    const messageId = talk.reply('Fresh.', {
      templateParams: { name: 'brand_new', language: 'en_US', processed_params: {} }
    })
    await flow.until('refused by WhatsApp', () => talk.row(messageId).status === 'failed')
    t.match(talk.row(messageId).contentAttributes.external_error, /template values do not fit/)
    await flow.until('our copy', async () => {
      await flow.runtime.templateMirror.run()
      return (await ourCopy()) === 'Fresh, {{1}}.'
    })
    await refuse(t, [[{ name: 'brand_new', language: 'en_US', processed_params: {} }, /“1” is empty/]])
  })
})
