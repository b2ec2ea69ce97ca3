/** Labels, dashboard apps, attribute definitions, folders, rules, webhooks, macros, canned responses (contract §6, §8). */
import type { Answer, Ask } from './ask.ts'
import { asFlag, asHash, asId, asPresent, empty, notFound, ok, RecordInvalid } from './ask.ts'
import type { Context } from './context.ts'
import { findConversation, requireAdmin } from './context.ts'
import { iso } from './json.ts'
import type { Hash, Setting } from './records.ts'
import type { SettingKind } from './store.ts'
import { makeToken } from './store.ts'

interface Kind {
  /** Key under which the fields may be wrapped. */
  wrap?: string
  adminWrites: boolean
  /** Only its maker sees it. */
  own?: boolean
  /** Builds the row from what was sent over what there was. */
  row(input: Hash, old: Hash, ctx: Context, ask: Ask): Hash
  list(rows: Hash[]): unknown
  one(row: Hash): unknown
  /** 204 or an empty 200. */
  deletedStatus: number
}

const DISPLAY_TYPES = ['text', 'number', 'currency', 'percent', 'link', 'date', 'list', 'checkbox']
const MODELS = ['conversation_attribute', 'contact_attribute', 'company_attribute']

const bare = { list: (rows: Hash[]): unknown => rows, one: (row: Hash): unknown => row }
const wrapped = {
  list: (rows: Hash[]): unknown => ({ payload: rows }),
  one: (row: Hash): unknown => ({ payload: row })
}
const dates = (old: Hash, ctx: Context) => ({
  created_at: old['created_at'] ?? iso(ctx.parts.clock.now()),
  updated_at: iso(ctx.parts.clock.now())
})

const KINDS: Record<SettingKind, Kind> = {
  labels: {
    wrap: 'label',
    adminWrites: true,
    deletedStatus: 200,
    list: rows => ({ payload: rows }),
    one: row => row,
    row: input => {
      const title = String(input['title'] ?? '').toLowerCase()
      if (!/^[\p{L}\p{N}_-]+$/u.test(title)) throw new RecordInvalid('Title is invalid', ['title'])
      return {
        title,
        description: input['description'] ?? null,
        color: input['color'] ?? '#1f93ff',
        show_on_sidebar: input['show_on_sidebar'] === undefined ? null : asFlag(input['show_on_sidebar'])
      }
    }
  },
  dashboard_apps: {
    wrap: 'dashboard_app',
    adminWrites: true,
    deletedStatus: 204,
    ...bare,
    row: (input, old, ctx) => {
      const content = Array.isArray(input['content']) ? input['content'].map(asHash) : []
      const valid =
        content.length > 0 &&
        content.every(item => item['type'] === 'frame' && /^https?:\/\//.test(String(item['url'])))
      if (!valid) throw new RecordInvalid('Content : Invalid data', ['content'])
      return {
        title: input['title'] ?? null,
        content: content.map(item => ({ url: item['url'], type: item['type'] })),
        created_at: old['created_at'] ?? iso(ctx.parts.clock.now())
      }
    }
  },
  custom_attribute_definitions: {
    wrap: 'custom_attribute_definition',
    adminWrites: true,
    deletedStatus: 204,
    ...bare,
    row: (input, old, ctx) => {
      const type = input['attribute_display_type'] ?? 'text'
      const model = input['attribute_model'] ?? 'conversation_attribute'
      const key = String(input['attribute_key'] ?? '')
      if (!/^[\p{L}\p{N}_.-]+$/u.test(key)) throw new RecordInvalid('Attribute key is invalid', ['attribute_key'])
      return {
        attribute_display_name: input['attribute_display_name'] ?? null,
        attribute_display_type: typeof type === 'number' ? DISPLAY_TYPES[type] : type,
        attribute_description: input['attribute_description'] ?? null,
        attribute_key: key,
        regex_pattern: input['regex_pattern'] ?? null,
        regex_cue: input['regex_cue'] ?? null,
        attribute_values: input['attribute_values'] ?? [],
        attribute_model: typeof model === 'number' ? MODELS[model] : model,
        default_value: null,
        ...dates(old, ctx)
      }
    }
  },
  custom_filters: {
    wrap: 'custom_filter',
    adminWrites: false,
    own: true,
    deletedStatus: 204,
    ...bare,
    row: (input, old, ctx) => ({
      name: input['name'] ?? null,
      filter_type: input['filter_type'] ?? 'conversation',
      query: input['query'] ?? {},
      ...dates(old, ctx)
    })
  },
  automation_rules: {
    adminWrites: true,
    deletedStatus: 200,
    list: rows => ({ payload: rows }),
    one: row => ({ payload: row }),
    row: (input, old, ctx) => ({
      account_id: ctx.store.account.id,
      name: input['name'] ?? null,
      description: input['description'] ?? null,
      event_name: input['event_name'] ?? null,
      conditions: input['conditions'] ?? [],
      actions: input['actions'] ?? [],
      created_on: old['created_on'] ?? Math.floor(ctx.parts.clock.now() / 1000),
      active: input['active'] === undefined ? true : asFlag(input['active'])
    })
  },
  webhooks: {
    wrap: 'webhook',
    adminWrites: true,
    deletedStatus: 200,
    list: rows => ({ payload: { webhooks: rows } }),
    one: row => ({ payload: { webhook: row } }),
    row: (input, old, ctx) => {
      const url = asPresent(input['url'])
      if (url === null || !/^https?:\/\//.test(url)) throw new RecordInvalid('Url is invalid', ['url'])
      const taken = [...ctx.store.settings.webhooks.values()].some(
        other => other.row['url'] === url && other.row['id'] !== old['id']
      )
      if (taken) throw new RecordInvalid('Url has already been taken', ['url'])
      return {
        name: input['name'] ?? null,
        url,
        account_id: ctx.store.account.id,
        subscriptions: input['subscriptions'] ?? [],
        secret: old['secret'] ?? makeToken()
      }
    }
  },
  macros: {
    adminWrites: false,
    deletedStatus: 200,
    ...wrapped,
    row: (input, old, ctx, ask) => ({
      name: input['name'] ?? null,
      visibility: ask.user.role === 'administrator' ? (input['visibility'] ?? 'personal') : 'personal',
      created_by: old['created_by'] ?? ctx.shapes.agent(ask.user),
      updated_by: ctx.shapes.agent(ask.user),
      account_id: ctx.store.account.id,
      actions: input['actions'] ?? []
    })
  },
  canned_responses: {
    wrap: 'canned_response',
    adminWrites: false,
    deletedStatus: 200,
    ...bare,
    row: (input, old, ctx) => ({
      account_id: ctx.store.account.id,
      short_code: input['short_code'] ?? null,
      content: input['content'] ?? null,
      ...dates(old, ctx)
    })
  },
  teams: {
    wrap: 'team',
    adminWrites: true,
    deletedStatus: 200,
    ...bare,
    row: (input, _old, ctx) => ({
      name: String(input['name'] ?? '').toLowerCase(),
      description: input['description'] ?? null,
      allow_auto_assign: input['allow_auto_assign'] === undefined ? true : asFlag(input['allow_auto_assign']),
      account_id: ctx.store.account.id,
      is_member: false
    })
  }
}

export function isSettingKind(name: string | undefined): name is SettingKind {
  return name !== undefined && Object.hasOwn(KINDS, name)
}

export function handleSettings(ctx: Context, ask: Ask, name: SettingKind): Answer {
  const kind = KINDS[name]
  const table = ctx.store.settings[name]
  const [, id, action] = ask.at
  if (id === undefined && ask.method === 'GET') {
    // Webhooks and automations are an administrator's, also to look at.
    if (name === 'webhooks' || name === 'automation_rules') requireAdmin(ask)
    const wanted = ask.query.get('attribute_model')
    const rows = [...table.values()]
      .filter(setting => !kind.own || setting.ownerId === ask.user.id)
      .map(setting => setting.row)
      .filter(row => wanted === null || row['attribute_model'] === modelName(wanted))
    return ok(kind.list(rows))
  }
  if (ask.method !== 'GET' && action === undefined && kind.adminWrites) requireAdmin(ask)
  const fields = kind.wrap ? asHash(ask.body[kind.wrap] ?? ask.body) : ask.body
  if (id === undefined) {
    if (ask.method !== 'POST') throw notFound()
    const made = kind.row(fields, {}, ctx, ask)
    checkTaken(name, table, made)
    const setting: Setting = { id: ctx.store.next('setting'), ownerId: ask.user.id, row: {} }
    setting.row = { id: setting.id, ...made }
    table.set(setting.id, setting)
    return ok(kind.one(setting.row))
  }
  const setting = table.get(asId(id))
  if (!setting || (kind.own && setting.ownerId !== ask.user.id)) throw notFound()
  if (name === 'macros' && action === 'execute' && ask.method === 'POST') {
    const ids = Array.isArray(ask.body['conversation_ids']) ? ask.body['conversation_ids'] : []
    for (const conversationId of ids) runMacro(ctx, ask, setting.row, conversationId)
    return empty()
  }
  if (name === 'teams' && action === 'team_members') return handleTeamMembers(ctx, ask, setting)
  if (action !== undefined) throw notFound()
  switch (ask.method) {
    case 'GET':
      return ok(kind.one(setting.row))
    case 'PATCH':
    case 'PUT':
      setting.row = { id: setting.id, ...kind.row({ ...setting.row, ...fields }, setting.row, ctx, ask) }
      return ok(kind.one(setting.row))
    case 'DELETE':
      table.delete(setting.id)
      return empty(kind.deletedStatus)
    default:
      throw notFound()
  }
}

function handleTeamMembers(ctx: Context, ask: Ask, team: Setting): Answer {
  if (ask.method !== 'GET') requireAdmin(ask)
  const ids = Array.isArray(ask.body['user_ids']) ? ask.body['user_ids'].map(asId) : []
  const before = team.memberIds ?? []
  if (ask.method === 'POST') team.memberIds = [...new Set([...before, ...ids])]
  else if (ask.method === 'DELETE') team.memberIds = before.filter(id => !ids.includes(id))
  else if (ask.method !== 'GET') team.memberIds = [...new Set(ids)]
  const members = ctx.store.users.filter(user => team.memberIds?.includes(user.id))
  return ok(members.map(user => ctx.shapes.agent(user)))
}

const modelName = (wanted: string) => (/^\d$/.test(wanted) ? MODELS[Number(wanted)] : wanted)

function checkTaken(name: SettingKind, table: Map<number, Setting>, made: Hash): void {
  const rows = [...table.values()].map(setting => setting.row)
  if (name === 'labels' && rows.some(row => row['title'] === made['title'])) {
    throw new RecordInvalid('Title has already been taken', ['title'])
  }
  const sameKey = (row: Hash) =>
    row['attribute_key'] === made['attribute_key'] && row['attribute_model'] === made['attribute_model']
  if (name === 'custom_attribute_definitions' && rows.some(sameKey)) {
    throw new RecordInvalid('Attribute key has already been taken', ['attribute_key'])
  }
}

/** Its texts are the agent's own; its webhook is unsigned and named `macro.executed`. */
function runMacro(ctx: Context, ask: Ask, macro: Hash, conversationId: unknown): void {
  const row = findConversation(ctx, ask, conversationId)
  for (const action of (macro['actions'] as Hash[] | undefined) ?? []) {
    const params = Array.isArray(action['action_params']) ? action['action_params'].map(String) : []
    switch (action['action_name']) {
      case 'send_message':
      case 'add_private_note':
        ctx.messages.create(row, {
          type: 1,
          content: params[0] ?? '',
          private: action['action_name'] === 'add_private_note',
          sender: { type: 'User', id: ask.user.id }
        })
        break
      case 'send_webhook_event':
        if (params[0]) ctx.hooks.postTo(params[0], 'macro.executed', row)
        break
      case 'resolve_conversation':
        ctx.conversations.setStatus(row, 'resolved', ask.user.name)
        break
      case 'add_label':
        ctx.conversations.setLabels(row, [...row.labels, ...params], ask.user.name)
        break
      default:
        break
    }
  }
}
