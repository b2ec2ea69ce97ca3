/**
 * What connecting a desk needs: its version, who the token belongs to, our inbox and its members (contract/chatwoot §1,
 * §7). Small steps that may be repeated, returning plain data. An inbox is ours when its `additional_attributes.puente`
 * says so; every agent can read those, so nothing secret goes there.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import { isSameJson } from '../../plugin/core/same-json.ts'
import type { HttpClient } from '../http/types.ts'
import { createCaller, type DeskCall, type DeskCaller, requireId, requireList, requireRecord } from './call.ts'
import { DESK_TIMEOUT_MS } from './client.ts'
import { MARKER_KEY } from './from-wire.ts'
import { idOf, type JsonRecord, listOf, recordOf, textOf } from './safe-read.ts'
import type { CreateInboxRequestWire, UpdateInboxRequestWire } from './wire.ts'

/** WhatsApp's customer service window; the dashboard closes its editor by it. */
const REPLY_WINDOW_HOURS = 24

/** What connecting and the template mirror write into the channel's attributes. */
const OUR_KEYS = new Set([
  MARKER_KEY,
  'agent_reply_time_window',
  'agent_reply_time_window_message',
  'message_templates'
])

export interface InboxMarker {
  phoneNumberId: string
  /** Which installation of Puente made the inbox. */
  installation: string
}

export interface DeskInbox {
  id: number
  name: string
  webhookUrl: string | null
  /** Signs the hooks. Null for agents' tokens (CW-INBOX-AGENT) and before 4.13.0 (CW-INBOX-SECRET). */
  secret: string | null
  marker: InboxMarker | null
  /** The channel's `additional_attributes`, whole. */
  attributes: JsonRecord
}

export interface DeskProfile {
  id: number
  name: string
  email: string | null
  /** Of the account in the access. */
  administrator: boolean
  accounts: { id: number; name: string; role: string }[]
}

export interface DeskAgent {
  id: number
  name: string
  email: string | null
  role: string
}

export interface ChatwootSetup {
  /** Version of the server; null when it does not say. Fails like any call when nothing answers there (CW-VERSION). */
  readVersion(url: string): Promise<string | null>
  readProfile(access: DeskAccess): Promise<DeskProfile>
  /** CW-AGENTS */
  listAgents(access: DeskAccess): Promise<DeskAgent[]>
  /** The inbox that carries this marker, or null (CW-INBOX). */
  findInbox(access: DeskAccess, marker: InboxMarker): Promise<DeskInbox | null>
  /** All inboxes that the token may see. */
  listInboxes(access: DeskAccess): Promise<DeskInbox[]>
  /** Fails with `desk_inbox_gone` when it was deleted. */
  readInbox(access: DeskAccess, inboxId: number): Promise<DeskInbox>
  /** Needs an administrator. `windowMessage` is the banner over the closed editor, plain text. */
  createInbox(
    access: DeskAccess,
    input: { name: string; webhookUrl: string; windowMessage: string; marker: InboxMarker }
  ): Promise<DeskInbox>
  /** Writes only what differs; attributes are merged with those that are there. Gives the inbox as it is then. */
  updateInbox(
    access: DeskAccess,
    inboxId: number,
    change: { webhookUrl?: string; attributes?: JsonRecord }
  ): Promise<DeskInbox>
  /** Takes hook, mark, window and mirrored templates off an inbox that stays. Keys of others stay (CW-RELEASE). */
  releaseInbox(access: DeskAccess, inboxId: number): Promise<void>
  /** Adds whoever is missing; removes nobody. Gives the ids of all members (CW-MEMBERS). */
  addMembers(access: DeskAccess, inboxId: number, userIds: readonly number[]): Promise<number[]>
}

export function createChatwootSetup(options: { http: HttpClient; timeoutMs?: number }): ChatwootSetup {
  const caller = createCaller(options.http, options.timeoutMs ?? DESK_TIMEOUT_MS)

  async function readInbox(access: DeskAccess, inboxId: number): Promise<DeskInbox> {
    const call: DeskCall = { method: 'GET', path: `/inboxes/${inboxId}`, subject: 'inbox', reads: true }
    try {
      return toInbox(await caller.json(access, call), call)
    } catch (error) {
      if (!(error instanceof PuenteError) || error.code !== 'desk_not_found') throw error
      throw new PuenteError('desk_inbox_gone', { cause: error, facts: { inboxId } })
    }
  }

  async function listInboxes(access: DeskAccess): Promise<DeskInbox[]> {
    const call: DeskCall = { method: 'GET', path: '/inboxes', subject: 'account', reads: true }
    const rows = requireList(recordOf(await caller.json(access, call)).payload, call)
    return rows.map(row => toInbox(row, call))
  }

  return {
    readInbox,

    async readVersion(url) {
      const answer = await caller.json({ url, accountId: 0, token: '' }, serverCall)
      return textOf(recordOf(answer).version)
    },

    async readProfile(access) {
      const call: DeskCall = { method: 'GET', path: '/api/v1/profile', subject: 'account', reads: true }
      const profile = requireRecord(await caller.json(access, call), call)
      const accounts = listOf(profile.accounts).map(recordOf).flatMap(toAccount)
      return {
        id: requireId(profile, call),
        name: textOf(profile.name) ?? '',
        email: textOf(profile.email),
        administrator: accounts.some(({ id, role }) => id === access.accountId && role === 'administrator'),
        accounts
      }
    },

    async listAgents(access) {
      const call: DeskCall = { method: 'GET', path: '/agents', subject: 'account', reads: true }
      return requireList(await caller.json(access, call), call).flatMap(toAgent)
    },

    listInboxes,

    async findInbox(access, marker) {
      return (await listInboxes(access)).find(inbox => isSameMarker(inbox.marker, marker)) ?? null
    },

    async createInbox(access, { name, webhookUrl, windowMessage, marker }) {
      const body: CreateInboxRequestWire = {
        name,
        lock_to_single_conversation: false,
        greeting_enabled: false,
        enable_auto_assignment: true,
        channel: {
          type: 'api',
          webhook_url: webhookUrl,
          hmac_mandatory: false,
          additional_attributes: {
            agent_reply_time_window: REPLY_WINDOW_HOURS,
            agent_reply_time_window_message: windowMessage,
            [MARKER_KEY]: marker
          }
        }
      }
      const call: DeskCall = { method: 'POST', path: '/inboxes', subject: 'account', json: body }
      return toInbox(await caller.json(access, call), call)
    },

    async updateInbox(access, inboxId, change) {
      const now = await readInbox(access, inboxId)
      const channel: NonNullable<UpdateInboxRequestWire['channel']> = {}
      if (change.webhookUrl !== undefined && change.webhookUrl !== now.webhookUrl) {
        channel.webhook_url = change.webhookUrl
      }
      const attributes = { ...now.attributes, ...change.attributes }
      // Assigned whole by Chatwoot: the keys of others go along (CW-INBOX-REPLACES, CW-TEMPLATES).
      if (change.attributes && !isSameJson(attributes, now.attributes)) channel.additional_attributes = attributes
      if (Object.keys(channel).length === 0) return now
      const body: UpdateInboxRequestWire = { channel }
      const call: DeskCall = { method: 'PATCH', path: `/inboxes/${inboxId}`, subject: 'inbox', json: body }
      return toInbox(await caller.json(access, call), call)
    },

    async releaseInbox(access, inboxId) {
      const now = await readInbox(access, inboxId)
      const kept = Object.entries(now.attributes).filter(([key]) => !OUR_KEYS.has(key))
      const channel = { webhook_url: '', additional_attributes: Object.fromEntries(kept) }
      const json: UpdateInboxRequestWire = { channel }
      await caller.plain(access, { method: 'PATCH', path: `/inboxes/${inboxId}`, subject: 'inbox', json })
    },

    addMembers: (access, inboxId, userIds) => addMembers(caller, access, inboxId, userIds)
  }
}

const serverCall: DeskCall = { method: 'GET', path: '/api', subject: 'account', reads: true }

async function addMembers(
  caller: DeskCaller,
  access: DeskAccess,
  inboxId: number,
  userIds: readonly number[]
): Promise<number[]> {
  const read: DeskCall = { method: 'GET', path: `/inbox_members/${inboxId}`, subject: 'inbox', reads: true }
  const members = memberIds(await caller.json(access, read), read)
  const missing = [...new Set(userIds)].filter(id => !members.includes(id))
  if (missing.length === 0) return members
  const json = { inbox_id: inboxId, user_ids: missing }
  const write: DeskCall = { method: 'POST', path: '/inbox_members', subject: 'inbox', json }
  await caller.plain(access, write)
  return [...members, ...missing]
}

function memberIds(answer: unknown, call: DeskCall): number[] {
  return requireList(recordOf(answer).payload, call).flatMap(member => idOf(recordOf(member).id) ?? [])
}

function toInbox(value: unknown, call: DeskCall): DeskInbox {
  const wire = requireRecord(value, call)
  const attributes = recordOf(wire.additional_attributes)
  return {
    id: requireId(wire, call),
    name: textOf(wire.name) ?? '',
    webhookUrl: textOf(wire.webhook_url),
    secret: textOf(wire.secret),
    marker: readMarker(attributes),
    attributes
  }
}

/** Our mark in the channel's attributes, or null. */
export function readMarker(attributes: JsonRecord): InboxMarker | null {
  const marker = recordOf(attributes[MARKER_KEY])
  const phoneNumberId = textOf(marker.phoneNumberId)
  const installation = textOf(marker.installation)
  return phoneNumberId !== null && installation !== null ? { phoneNumberId, installation } : null
}

function toAccount(wire: JsonRecord): DeskProfile['accounts'] {
  const id = idOf(wire.id)
  return id === null ? [] : [{ id, name: textOf(wire.name) ?? '', role: textOf(wire.role) ?? '' }]
}

function toAgent(value: unknown): DeskAgent[] {
  const wire = recordOf(value)
  const id = idOf(wire.id)
  if (id === null) return []
  return [{ id, name: textOf(wire.name) ?? '', email: textOf(wire.email), role: textOf(wire.role) ?? '' }]
}

function isSameMarker(found: InboxMarker | null, wanted: InboxMarker): boolean {
  return found?.phoneNumberId === wanted.phoneNumberId && found.installation === wanted.installation
}
