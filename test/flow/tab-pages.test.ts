// The pages under /app and the description of the API: who may frame them, what may be cached, what is told to whom.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import t from 'tap'
import { createRegistry } from '../../plugin/core/registry.ts'
import { addPages } from '../../plugin/http/pages.ts'
import { openTab } from './tab-lab.ts'

t.test('only the configured desks may frame the pages; hashed files are kept for ever', async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'puente-pages-'))
  await mkdir(path.join(folder, 'assets'))
  await writeFile(path.join(folder, 'tab.html'), `<!doctype html><title>x</title>${' '.repeat(500)}`)
  await writeFile(path.join(folder, 'assets', 'tab-Dk29dhQ1.js'), `export const a = 1\n${'//'.repeat(400)}`)
  await writeFile(path.join(folder, 'secret.env'), 'x')
  const app = Fastify()
  await app.register(
    async scope => addPages(scope, { registry: createRegistry(), chatwootOrigins: ['https://desk.example'], folder }),
    { prefix: '/wa' }
  )
  t.teardown(async () => {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  })
  const page = await app.inject({ url: '/wa/app/tab', headers: { 'accept-encoding': 'gzip' } })
  t.equal(page.statusCode, 200)
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-encoding': 'gzip',
    'cache-control': 'no-cache',
    'content-security-policy': /frame-ancestors https:\/\/desk\.example$/
  })
  t.notMatch(page.headers['content-security-policy'], /unsafe/)
  t.notOk(page.headers['x-frame-options'], 'that would forbid the desk, too')
  t.notOk(page.headers['set-cookie'], 'no cookie')
  const script = await app.inject({ url: '/wa/app/assets/tab-Dk29dhQ1.js' })
  t.match(script.headers, { 'cache-control': /immutable/, 'content-type': /javascript/ })
  const same = await app.inject({ url: '/wa/app/tab', headers: { 'if-none-match': String(page.headers['etag']) } })
  t.equal(same.statusCode, 304)
  for (const url of [
    '/wa/app/secret.env',
    '/wa/app/..%2f..%2fpackage.json',
    '/wa/app/assets/..%2ftab.html',
    '/wa/app/none'
  ]) {
    const answer = await app.inject({ url })
    t.equal(answer.statusCode, 404, url)
  }
})

t.test('the API describes itself, and every answer is closed to frames and caches', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const description = await tab.call('GET', '/openapi.json')
  t.equal(description.status, 200)
  t.match(description.body, { openapi: /^3\./, info: { title: 'Puente' } })
  const paths = Object.keys(description.body.paths)
  for (const end of ['/messages', '/conversations/{conversationId}', '/templates', '/sessions/desk']) {
    t.ok(
      paths.some(each => each.endsWith(end)),
      end
    )
  }
  t.notOk(
    paths.some(each => each.includes('{secret}')),
    'what is a credential is not described'
  )
  const missing = await tab.call('GET', '/nothing-here')
  t.match(missing, { status: 404, body: { code: 'not_found', requestId: String } })
  t.match(missing.headers.get('cache-control'), 'no-store')
  t.match(missing.headers.get('content-security-policy'), /frame-ancestors 'none'/)

  const bea = await tab.signIn('bea')
  const wrong = await tab.call('GET', '/templates?numberId=x', { as: bea })
  t.match(wrong, { status: 400, body: { code: 'request_invalid', problems: [{ where: 'numberId' }] } })
  const long = await tab.call('POST', `/conversations/${conversationId}/messages`, {
    as: bea,
    body: { message: { kind: 'text', text: 'x'.repeat(600_000) } }
  })
  t.match(long, { status: 413, body: { code: 'body_too_large' } })
  const spanish = await tab.call('GET', '/nothing-here', { headers: { 'accept-language': 'es-ES,es;q=0.9' } })
  t.match(spanish.body.title, /Recarga/)

  // WhatsApp tells that the customer wants no more marketing: it is said before sending, not after.
  const number = flow.runtime.bridge.registry.numbers()[0]!
  const view = await flow.until('the templates', async () => {
    const path = `/templates?numberId=${number.id}&conversationId=${conversationId}`
    const answer = await tab.call('GET', path, { as: bea })
    return answer.body.templates?.length > 0 ? answer.body.templates : null
  })
  t.equal(view.find((each: { name: string }) => each.name === 'welcome_offer').problem, null)
  const binding = await flow.runtime.talk.talk.customerIn(number.id, conversationId)
  await flow.runtime.bridge.consents.note(number.id, binding!.customerId, 'stopped', new Date())
  await flow.runtime.bridge.consents.note(number.id, binding!.customerId, 'resumed', new Date(0))
  const status = await tab.call('GET', `/conversations/${conversationId}`, { as: bea })
  t.match(status.body.consent, { marketing: 'stopped' }, 'an older word changes nothing')
  const after = await tab.call('GET', `/templates?numberId=${number.id}&conversationId=${conversationId}`, { as: bea })
  const find = (name: string) => after.body.templates.find((each: { name: string }) => each.name === name)
  t.match(find('welcome_offer').problem, { code: 'opted_out', blocking: true })
  t.equal(find('hello_world').problem, null, 'utility templates may go')

  const stream = await fetch(`${flow.url}/api/v1/conversations/${conversationId}/events`, {
    headers: { authorization: `Bearer ${bea.token}` }
  })
  const startedMs = performance.now()
  await flow.app.close()
  t.ok(performance.now() - startedMs < 8_000, 'an open stream does not keep the server from ending')
  await stream.text().catch(() => '')
})
