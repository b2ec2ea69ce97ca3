/**
 * Templates through the management API: paging, creation, deletion, one by id (contract §8); and what happens to them at
 * Meta (approved, paused, changed, gone), with the webhooks that tell of it (§2).
 */
import { asRecord } from '../wire.ts'
import { GraphError } from './errors.ts'
import { type ManageCall, pickFields } from './manage-call.ts'
import type { Json, TemplateRecord } from './model.ts'
import type { World } from './world.ts'

export function listTemplates(world: World, query: URLSearchParams): Json {
  const filters = ['status', 'category', 'language'] as const
  let found = world.templates.filter(template =>
    filters.every(key => !query.get(key) || String(template[key]).toUpperCase() === query.get(key)!.toUpperCase())
  )
  const name = query.get('name') ?? query.get('name_or_content')
  if (name) found = found.filter(template => template.name.includes(name))
  const limit = Math.max(1, Math.min(1000, Number(query.get('limit') ?? 25) || 25))
  const after = query.get('after')
  const start = after ? Number(Buffer.from(after, 'base64url').toString('utf8')) || 0 : 0
  const page = found.slice(start, start + limit)
  const cursor = (index: number) => Buffer.from(String(index)).toString('base64url')
  const more = start + limit < found.length
  const next = new URL(`${world.baseUrl}/v25.0/${world.identity.wabaId}/message_templates`)
  for (const [key, value] of query) if (key !== 'after' && key !== 'access_token') next.searchParams.set(key, value)
  next.searchParams.set('limit', String(limit))
  next.searchParams.set('after', cursor(start + limit))
  return {
    data: page.map(template =>
      pickFields(template as unknown as Json, query.get('fields'), [
        'name',
        'parameter_format',
        'components',
        'language',
        'status',
        'category',
        'quality_score',
        'rejected_reason'
      ])
    ),
    paging: {
      cursors: { before: cursor(start), after: cursor(start + page.length) },
      ...(more ? { next: next.href } : {})
    }
  }
}

export function createTemplate(world: World, body: Json): Json {
  const name = String(body['name'] ?? '')
  const language = String(body['language'] ?? '')
  const category = String(body['category'] ?? '').toUpperCase()
  if (!/^[a-z0-9_]{1,512}$/.test(name))
    throw new GraphError(100, 'Param name may hold only lower-case letters, digits and underscores.')
  if (!/^[a-z]{2,3}(_[A-Z]{2})?$/.test(language)) throw new GraphError(100, 'Param language is not valid.')
  if (!['MARKETING', 'UTILITY', 'AUTHENTICATION'].includes(category))
    throw new GraphError(100, 'Param category is not valid.')
  if (!Array.isArray(body['components'])) throw new GraphError(100, 'Param components is required.')
  if (world.templates.some(one => one.name === name && one.language === language)) {
    throw new GraphError(100, undefined, { message: 'Invalid parameter', subcode: 2388024 })
  }
  const template: TemplateRecord = {
    id: world.ids.numeric('8'),
    name,
    language,
    status: 'PENDING',
    category: category as TemplateRecord['category'],
    parameter_format: String(body['parameter_format'] ?? '').toUpperCase() === 'NAMED' ? 'NAMED' : 'POSITIONAL',
    components: body['components'] as Json[],
    quality_score: { score: 'UNKNOWN' }
  }
  world.templates.push(template)
  return { id: template.id, status: template.status, category }
}

export function deleteTemplates(world: World, query: URLSearchParams): Json {
  const name = query.get('name')
  const ids = [query.get('hsm_id'), ...(query.get('hsm_ids') ?? '').replace(/[[\]"]/g, '').split(',')].filter(Boolean)
  const before = world.templates.length
  const kept = world.templates.filter(one => (ids.length > 0 ? !ids.includes(one.id) : one.name !== name))
  if (kept.length === before) throw new GraphError(100, 'Message template not found.')
  world.templates.splice(0, before, ...kept)
  return { success: true }
}

/** `/{TEMPLATE}`; undefined when the id is no template. */
export function manageTemplate(world: World, call: ManageCall): unknown {
  const template = world.templates.find(one => one.id === call.path[0])
  if (!template || call.path.length > 1) return undefined
  if (call.method === 'GET') {
    return pickFields(template as unknown as Json, call.query.get('fields'), [
      'name',
      'parameter_format',
      'components',
      'language',
      'status',
      'category'
    ])
  }
  if (call.method === 'POST') {
    if (Array.isArray(call.body['components'])) template.components = call.body['components'] as Json[]
    template.status = 'PENDING'
    return { success: true }
  }
  return undefined
}

/** One webhook to be posted. */
export interface TemplateChange {
  field: string
  value: Json
}

/**
 * What Meta does to templates: `{name, language?, …}` changes those that match, `gone: true` removes them, and one that is
 * not there yet comes into being when `components` are given. Answers the webhooks that tell of it.
 */
export function changeTemplates(world: World, given: unknown): TemplateChange[] {
  const changes: TemplateChange[] = []
  for (const one of Array.isArray(given) ? given : []) {
    const { gone, ...change } = asRecord(one)
    const matches = (template: TemplateRecord) =>
      template.name === change['name'] && (change['language'] === undefined || template.language === change['language'])
    const found = world.templates.filter(matches)
    if (gone === true) {
      world.templates.splice(0, world.templates.length, ...world.templates.filter(template => !matches(template)))
      changes.push(...found.map(template => statusChange(template, 'DELETED')))
    } else if (found.length === 0 && Array.isArray(change['components'])) {
      const { id } = createTemplate(world, { language: 'en_US', category: 'UTILITY', ...change })
      const template = world.templates.find(each => each.id === id)!
      Object.assign(template, { status: 'APPROVED' }, change)
      changes.push(statusChange(template, template.status))
    } else for (const template of found) changes.push(...changeTemplate(template, change))
  }
  return changes
}

function changeTemplate(template: TemplateRecord, change: Json): TemplateChange[] {
  const before = { ...template }
  Object.assign(template, change)
  const changes: TemplateChange[] = []
  const about = aboutTemplate(template)
  if (template.status !== before.status) changes.push(statusChange(template, template.status))
  if (template.category !== before.category) {
    const value = { ...about, previous_category: before.category, new_category: template.category }
    changes.push({ field: 'template_category_update', value })
  }
  const [oldScore, newScore] = [before.quality_score?.score, template.quality_score?.score]
  if (oldScore !== newScore) {
    const value = { ...about, previous_quality_score: oldScore ?? 'UNKNOWN', new_quality_score: newScore ?? 'UNKNOWN' }
    changes.push({ field: 'message_template_quality_update', value })
  }
  if (JSON.stringify(template.components) !== JSON.stringify(before.components)) {
    const text = (type: string) => template.components.find(part => part['type'] === type)?.['text']
    const value: Json = { ...about, message_template_element: text('BODY') ?? '' }
    if (text('HEADER') !== undefined) value['message_template_title'] = text('HEADER')
    if (text('FOOTER') !== undefined) value['message_template_footer'] = text('FOOTER')
    changes.push({ field: 'message_template_components_update', value })
  }
  return changes
}

function aboutTemplate(template: TemplateRecord): Json {
  return {
    message_template_id: Number(template.id),
    message_template_name: template.name,
    message_template_language: template.language
  }
}

function statusChange(template: TemplateRecord, event: string): TemplateChange {
  const value: Json = {
    event,
    ...aboutTemplate(template),
    reason: 'NONE',
    message_template_category: template.category,
    ...(event === 'PAUSED'
      ? { other_info: { title: 'FIRST_PAUSE', description: 'Your template has been paused for 3 hours.' } }
      : {})
  }
  return { field: 'message_template_status_update', value }
}
