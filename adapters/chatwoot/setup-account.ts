/**
 * What connecting makes in an account around the inbox: label, rule, folder, attributes, dashboard app, picture; how to
 * find each again and how to take it away (contract/chatwoot §6, §8; CW-ACCOUNT, CW-INBOXES). Small calls over plain
 * data; which of them are needed is decided by who connects.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import type { HttpClient } from '../http/types.ts'
import { createCaller, type DeskCall, requireId, requireList } from './call.ts'
import { DESK_TIMEOUT_MS } from './client.ts'
import { parseJson } from './desk-error.ts'
import { bytesForm } from './multipart-bytes.ts'
import { idOf, type JsonRecord, listOf, recordOf, textOf } from './safe-read.ts'
import type {
  AttributeDefinitionRequestWire,
  AutomationRuleRequestWire,
  CustomFilterRequestWire,
  DashboardAppRequestWire
} from './wire.ts'

export interface AccountFacts {
  name: string
  /** As Chatwoot names it: `en`, `es`, `pt_BR`. */
  locale: string | null
}

/** Any inbox of the account, also of other channels. */
export interface ListedInbox {
  id: number
  name: string
  channelType: string
  /** Of a native WhatsApp or SMS inbox, with `+`. */
  phoneNumber: string | null
  webhookUrl: string | null
  attributes: JsonRecord
  hasPicture: boolean
}

export interface Listed {
  id: number
  /** Title, name or key. */
  name: string
  /** The rest, for a closer look. */
  row: JsonRecord
}

export type FetchOutcome = 'fetched' | 'refused' | 'cannot_tell'

export interface AccountSetup {
  readAccount(access: DeskAccess): Promise<AccountFacts>
  listInboxes(access: DeskAccess): Promise<ListedInbox[]>
  /** CW-LABELS */
  listLabels(access: DeskAccess): Promise<Listed[]>
  createLabel(access: DeskAccess, label: { title: string; color: string; description: string }): Promise<number>
  /** Of conversations unless said otherwise; a key is unique among them (CW-ATTRIBUTE-DEFINITION). */
  listAttributes(access: DeskAccess, of?: 'conversation' | 'contact'): Promise<Listed[]>
  /** Keys of those of contacts; a member's token may read them. */
  listContactAttributes(access: DeskAccess): Promise<string[]>
  createAttribute(
    access: DeskAccess,
    attribute: {
      key: string
      name: string
      about: string
      type: 'text' | 'date' | 'link'
      /** Conversations unless said otherwise. */
      of?: 'conversation' | 'contact'
    }
  ): Promise<number>
  /** Folders of the token's owner; nobody else sees them (CW-FOLDER). */
  listFolders(access: DeskAccess): Promise<Listed[]>
  /** A folder of all conversations of one inbox. */
  createFolder(access: DeskAccess, folder: { name: string; inboxId: number }): Promise<number>
  listRules(access: DeskAccess): Promise<Listed[]>
  /** A rule that labels each new conversation of one inbox (CW-RULE). */
  createRule(access: DeskAccess, rule: { name: string; about: string; inboxId: number; label: string }): Promise<number>
  /** Switches a rule on that somebody switched off. */
  enableRule(access: DeskAccess, id: number): Promise<void>
  /** CW-DASHBOARD-APP */
  listApps(access: DeskAccess): Promise<(Listed & { urls: string[] })[]>
  createApp(access: DeskAccess, app: { title: string; url: string }): Promise<number>
  updateApp(access: DeskAccess, id: number, app: { title: string; url: string }): Promise<void>
  /** CW-PICTURE */
  setPicture(access: DeskAccess, inboxId: number, png: Buffer): Promise<void>
  removePicture(access: DeskAccess, inboxId: number): Promise<void>
  /** Takes away a row of a settings page. False when it was gone already. */
  remove(access: DeskAccess, what: SettingPath, id: number): Promise<boolean>
  /**
   * Has the desk fetch an address, through the same filter that its hooks pass (§5.1). Only of what answers 2xx with a
   * picture or a film it keeps a copy, which belongs to no message. `refused`: it could not, or got another answer, say
   * 404. `cannot_tell`: too old, throttled, or in trouble itself (CW-FETCH-REFUSED).
   */
  fetchThrough(access: DeskAccess, url: string): Promise<FetchOutcome>
  /** Whether an inbox holds any conversation, of any status (CW-INBOX-EMPTY). */
  hasConversations(access: DeskAccess, inboxId: number): Promise<boolean>
  /** Whether any conversation of the account carries a label. */
  hasLabelled(access: DeskAccess, label: string): Promise<boolean>
}

export type SettingPath =
  | 'labels'
  | 'custom_attribute_definitions'
  | 'custom_filters'
  | 'automation_rules'
  | 'dashboard_apps'
  | 'inboxes'
  | 'conversations'
  | 'contacts'

export function createAccountSetup(options: { http: HttpClient; timeoutMs?: number }): AccountSetup {
  const caller = createCaller(options.http, options.timeoutMs ?? DESK_TIMEOUT_MS)

  async function read(access: DeskAccess, path: string): Promise<unknown> {
    const call: DeskCall = { method: 'GET', path, subject: 'account', reads: true }
    return caller.json(access, call)
  }

  /** Bare arrays here, `{payload}` there. */
  async function list(access: DeskAccess, path: string, nameKey: string): Promise<Listed[]> {
    const answer = await read(access, path)
    const call: DeskCall = { method: 'GET', path, subject: 'account', reads: true }
    const rows = Array.isArray(answer) ? answer : requireList(recordOf(answer).payload, call)
    return rows.flatMap(value => {
      const row = recordOf(value)
      const id = idOf(row.id)
      return id === null ? [] : [{ id, name: textOf(row[nameKey]) ?? '', row }]
    })
  }

  async function create(access: DeskAccess, path: string, json: unknown): Promise<number> {
    const call: DeskCall = { method: 'POST', path, subject: 'account', json }
    const answer = recordOf(await caller.json(access, call))
    // Rules are answered bare on creation, and wrapped elsewhere.
    return requireId(answer.id === undefined ? recordOf(answer.payload) : answer, call)
  }

  async function findsAny(access: DeskAccess, query: string): Promise<boolean> {
    const call: DeskCall = {
      method: 'GET',
      path: `/conversations?${query}&status=all`,
      subject: 'account',
      reads: true
    }
    const answer = recordOf(await caller.json(access, call))
    return requireList(recordOf(answer.data).payload, call).length > 0
  }

  return {
    async readAccount(access) {
      const account = recordOf(await read(access, ''))
      return { name: textOf(account.name) ?? '', locale: textOf(account.locale) }
    },

    async listInboxes(access) {
      return (await list(access, '/inboxes', 'name')).map(({ id, name, row }) => ({
        id,
        name,
        channelType: textOf(row.channel_type) ?? '',
        phoneNumber: textOf(row.phone_number),
        webhookUrl: textOf(row.webhook_url),
        attributes: recordOf(row.additional_attributes),
        hasPicture: (textOf(row.avatar_url) ?? '') !== ''
      }))
    },

    listLabels: access => list(access, '/labels', 'title'),
    createLabel: (access, { title, color, description }) =>
      create(access, '/labels', { label: { title, color, description, show_on_sidebar: true } }),

    async listAttributes(access, of = 'conversation') {
      const rows = await list(access, '/custom_attribute_definitions', 'attribute_key')
      return rows.filter(({ row }) => row.attribute_model === `${of}_attribute`)
    },
    async listContactAttributes(access) {
      const rows = await list(access, '/custom_attribute_definitions', 'attribute_key')
      return rows.filter(({ row }) => row.attribute_model === 'contact_attribute').map(({ name }) => name)
    },
    createAttribute(access, { key, name, about, type, of = 'conversation' }) {
      const body: AttributeDefinitionRequestWire = {
        custom_attribute_definition: {
          attribute_display_name: name,
          attribute_description: about,
          attribute_display_type: type,
          attribute_key: key,
          attribute_model: `${of}_attribute`
        }
      }
      return create(access, '/custom_attribute_definitions', body)
    },

    listFolders: access => list(access, '/custom_filters?filter_type=conversation', 'name'),
    createFolder(access, { name, inboxId }) {
      const condition = {
        attribute_key: 'inbox_id',
        attribute_model: 'standard',
        filter_operator: 'equal_to',
        values: [inboxId],
        query_operator: null,
        custom_attribute_type: ''
      } as const
      const body: CustomFilterRequestWire = {
        custom_filter: { name, filter_type: 'conversation', query: { payload: [condition] } }
      }
      return create(access, '/custom_filters', body)
    },

    listRules: access => list(access, '/automation_rules', 'name'),
    createRule(access, { name, about, inboxId, label }) {
      const body: AutomationRuleRequestWire = {
        name,
        description: about,
        event_name: 'conversation_created',
        active: true,
        conditions: [
          {
            attribute_key: 'inbox_id',
            filter_operator: 'equal_to',
            values: [inboxId],
            query_operator: null,
            custom_attribute_type: ''
          }
        ],
        actions: [{ action_name: 'add_label', action_params: [label] }]
      }
      return create(access, '/automation_rules', body)
    },

    async enableRule(access, id) {
      const json = { active: true }
      await caller.plain(access, { method: 'PATCH', path: `/automation_rules/${id}`, subject: 'account', json })
    },

    async listApps(access) {
      return (await list(access, '/dashboard_apps', 'title')).map(app => ({
        ...app,
        urls: listOf(app.row.content).flatMap(each => textOf(recordOf(each).url) ?? [])
      }))
    },
    createApp: (access, app) => create(access, '/dashboard_apps', toAppBody(app)),
    async updateApp(access, id, app) {
      const call: DeskCall = {
        method: 'PATCH',
        path: `/dashboard_apps/${id}`,
        subject: 'account',
        json: toAppBody(app)
      }
      await caller.plain(access, call)
    },

    async setPicture(access, inboxId, png) {
      const form = bytesForm({ field: 'avatar', name: 'whatsapp.png', mimeType: 'image/png', bytes: png })
      await caller.plain(access, { method: 'PATCH', path: `/inboxes/${inboxId}`, subject: 'inbox', form })
    },
    async removePicture(access, inboxId) {
      await caller.plain(access, { method: 'DELETE', path: `/inboxes/${inboxId}/avatar`, subject: 'inbox' })
    },

    async remove(access, what, id) {
      try {
        await caller.plain(access, { method: 'DELETE', path: `/${what}/${id}`, subject: 'account' })
        return true
      } catch (error) {
        if (error instanceof PuenteError && error.code === 'desk_not_found') return false
        throw error
      }
    },

    async fetchThrough(access, url) {
      const call: DeskCall = { method: 'POST', path: '/upload', subject: 'account', json: { external_url: url } }
      const answer = await caller.raw(access, call)
      if (answer.status >= 200 && answer.status < 300) return 'fetched'
      if (answer.status !== 422) return 'cannot_tell'
      // What it says about an address that it fetched in vain is in the account's language; a server that knows no
      // `external_url` misses the file instead.
      const text = textOf(recordOf(parseJson(answer.body)).error) ?? ''
      return /no file/i.test(text) ? 'cannot_tell' : 'refused'
    },

    hasConversations: (access, inboxId) => findsAny(access, `inbox_id=${inboxId}`),
    hasLabelled: (access, label) => findsAny(access, `labels[]=${encodeURIComponent(label)}`)
  }
}

function toAppBody({ title, url }: { title: string; url: string }): DashboardAppRequestWire {
  return { dashboard_app: { title, content: [{ type: 'frame', url }] } }
}
