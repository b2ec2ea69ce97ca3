/** `manifest.json` says what the code does: a test fails when one of them moves on alone. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readHook } from '../../adapters/chatwoot/from-wire.ts'
import { explodeWebhook } from '../../adapters/whatsapp-cloud/explode.ts'
import { describeConfig } from '../../plugin/connect/config-fields.ts'
import { OUR_KEYS } from '../../plugin/core/attributes/merge.ts'
import { DESK_RANGE, DESK_RULES } from '../../plugin/core/desk/versions.ts'
import { ERROR_TABLE } from '../../plugin/core/errors.ts'
import { LOCALES } from '../../plugin/core/texts/text.ts'
import { readManifest } from '../../plugin/manifest.ts'

const root = path.join(import.meta.dirname, '../..')
const manifest = readManifest()
const source = (file: string): string => readFileSync(path.join(root, file), 'utf8')

t.test('name and version are those of the package', t => {
  const { name, version } = JSON.parse(source('package.json')) as { name: string; version: string }
  t.same({ name: manifest.name, version: manifest.version }, { name, version })
  t.end()
})

t.test('versions of the host are those by which the code decides', t => {
  const { minimum, signedFrom, privateHooksRefusedFrom, tested } = manifest.host
  const since = (rule: string): string => DESK_RULES.find(each => each.rule === rule)!.since.join('.')
  t.same(
    { minimum, signedFrom, privateHooksRefusedFrom },
    {
      minimum: since('takesStatus'),
      signedFrom: since('signsHooks'),
      privateHooksRefusedFrom: since('refusesPrivateHooks')
    }
  )
  t.equal(DESK_RANGE.from, signedFrom)
  t.same(tested, DESK_RANGE.recorded)
  const recordings = readdirSync(path.join(root, 'test/fixtures/chatwoot')).filter(name => name.startsWith('recorded-'))
  t.same(
    recordings.map(name => name.slice('recorded-'.length)),
    tested,
    'nothing is called tested that was not recorded'
  )
  t.end()
})

t.test('config fields are those of the schemas', t => {
  t.same(manifest.config, describeConfig(), 'copy what describeConfig() gives into manifest.json')
  t.ok(manifest.config.policy.length > 3 && manifest.config.options.length > 5, 'the schemas were read')
  t.same(
    manifest.config.number.filter(field => field.secret).map(field => field.path),
    ['chatwoot.token', 'whatsapp.token', 'whatsapp.appSecret', 'whatsapp.verifyToken']
  )
  t.same(
    manifest.config.number.filter(field => !field.about),
    [],
    'each in words, by which connecting asks'
  )
  t.end()
})

t.test('the hooks are those that are read, no more and no fewer', t => {
  const cases = [...source('adapters/chatwoot/from-wire.ts').matchAll(/case '((?:message|conversation)_\w+)':/g)]
  t.same([...manifest.hooks].sort(), [...new Set(cases.map(match => match[1]))].sort())
  for (const event of manifest.hooks) {
    const conversation = { id: 1, contact_inbox: { source_id: 'a' } }
    const body = event.startsWith('message')
      ? { event, id: 1, message_type: 'outgoing', conversation }
      : { event, ...conversation, conversation }
    t.not(readHook(body).kind, 'other', event)
  }
  t.equal(readHook({ event: 'contact_created', id: 1 }).kind, 'other')
  t.end()
})

t.test('every field of Meta that is subscribed to is understood, and each is on the right side', t => {
  const { number, account } = manifest.webhooks
  const all = [...number, ...account]
  t.equal(new Set(all).size, all.length, 'none twice')
  // Overrides carry these only (contract/whatsapp §1): the sandbox holds the list that it delivers by.
  const world = source('adapters/sandbox/graph/world.ts')
  const overridable = [.../OVERRIDE_FIELDS = new Set\(\[([\s\S]*?)\]\)/.exec(world)![1]!.matchAll(/'(\w+)'/g)].map(
    match => match[1]!
  )
  t.ok(overridable.length > 10)
  t.same(
    number.filter(field => !overridable.includes(field)),
    [],
    'an override carries them'
  )
  t.same(
    account.filter(field => overridable.includes(field)),
    [],
    'no override carries them'
  )
  const folder = 'test/fixtures/whatsapp'
  const seen = new Set<string>()
  for (const name of readdirSync(path.join(root, folder)).filter(each => each.endsWith('.json'))) {
    const raw = readFileSync(path.join(root, folder, name))
    const body = JSON.parse(raw.toString()) as { entry?: unknown }
    if (body.entry === undefined) continue
    for (const item of explodeWebhook(body, raw)) if (item.kind !== 'unknown') seen.add(item.field)
  }
  // Listed by Meta without a documented payload.
  const undocumented = ['message_echoes']
  t.same(
    all.filter(field => !seen.has(field) && !undocumented.includes(field)),
    []
  )
  t.end()
})

t.test('the attributes are those that are written, named in every language', t => {
  const { attributes } = manifest.offers
  t.same(
    attributes.map(each => each.key),
    OUR_KEYS
  )
  const core = readdirSync(path.join(root, 'plugin/core'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('attributes/merge.ts') && !name.startsWith('texts'))
    .map(name => source(`plugin/core/${name}`))
    .join('\n')
  for (const { key, name, type } of attributes) {
    t.match(core, new RegExp(`\\b${key}: `), `${key} is written`)
    for (const locale of LOCALES) t.match(name[locale], /\S/, `${key} in ${locale}`)
    if (key.endsWith('_at')) t.equal(type, 'date', 'filterable by day')
  }
  const known: readonly string[] = OUR_KEYS
  const strangers = [...core.matchAll(/\b(wa_(?:number|window|last|origin|ctwa)\w*): /g)].map(match => match[1]!)
  t.same(
    strangers.filter(key => !known.includes(key) && !(key in ERROR_TABLE)),
    [],
    'nothing else is written'
  )
  t.end()
})

t.test('permissions, app and names are what the code asks for and makes', t => {
  t.same(
    manifest.needs.whatsapp.map(each => each.right),
    ['whatsapp_business_messaging', 'whatsapp_business_management']
  )
  t.match(manifest.offers, { label: { title: 'whatsapp' }, folder: { name: 'whatsapp' } }, 'interface: In the desk')
  t.equal(manifest.offers.dashboardApp.path, '/app/tab')
  for (const file of [
    'plugin/connect/desk-steps.ts',
    'plugin/connect/app-webhook-step.ts',
    'plugin/checks/whatsapp.ts'
  ]) {
    t.match(source(file), /readManifest\(\)/, `${file} makes what the manifest says`)
  }
  t.end()
})
