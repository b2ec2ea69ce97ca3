/**
 * A stand-in for Meta's WhatsApp Cloud API and Graph management API: the door for requests, for what customers say,
 * and for webhooks by hand. Rules live in the files beside it.
 */
import { createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SandboxParts } from '../parts.ts'
import { asRecord, pause } from '../wire.ts'
import { postStatus, reachAgain } from './announce.ts'
import { faultBefore, sendAnswer, waitForClient } from './answer-call.ts'
import { answerCall, type CallAnswer, parseCall, subjectOf } from './calls.ts'
import { createChats } from './chats.ts'
import { createCustomers } from './customers.ts'
import { GraphError } from './errors.ts'
import { deriveIdentity, deriveNumber } from './identity.ts'
import { createGraphIds } from './ids.ts'
import { mergeKnobs } from './knobs.ts'
import { listCallbacks } from './manage-app.ts'
import { changeTemplates } from './manage-templates.ts'
import { createMediaStore, type MediaRecord } from './media.ts'
import {
  type Chat,
  type Customer,
  DEFAULT_KNOBS,
  type GraphNumber,
  type Json,
  type Knobs,
  type TemplateRecord
} from './model.ts'
import { createPace } from './pace.ts'
import { viewPhone } from './phone-view.ts'
import { sayAll } from './say.ts'
import { readSayInput } from './say-input.ts'
import { serialise, signHeaders } from './serialise.ts'
import type { GraphOptions, GraphStandIn } from './stand-in.ts'
import { seedTemplates } from './template-seed.ts'
import { createWebhooks, type PendingWebhook } from './webhooks.ts'
import { findCallback, findNumber, type Subscription, type World, wrapChange } from './world.ts'

interface GraphSnapshot {
  numbers: GraphNumber[]
  customers: Customer[]
  chats: Chat[]
  media: MediaRecord[]
  templates: TemplateRecord[]
  knobs: Knobs
  subscription: Subscription
  serviceCounts: [string, number][]
  uses?: [string, number][]
  pending: PendingWebhook[]
}

const SNAPSHOT_CHATS = 2000
const SNAPSHOT_USES = 20_000

export function createGraph(parts: SandboxParts, options: GraphOptions): GraphStandIn {
  const { instance } = options
  const identity = deriveIdentity(instance)
  const listeners = new Set<(customerId: string) => void>()
  const changed = (customerId: string) => {
    for (const listener of listeners) listener(customerId)
  }
  const epoch = options.epoch ?? 0
  let resets = 0
  const world: World = {
    parts,
    instance,
    identity,
    numbers: Array.from({ length: options.numbers ?? 1 }, (_, i) => deriveNumber(instance, i)),
    customers: createCustomers(instance),
    chats: createChats(parts.clock, changed),
    media: createMediaStore({
      clock: parts.clock,
      secret: createHmac('sha256', instance).update('media-urls').digest('hex'),
      ...(options.mediaDir ? { dir: options.mediaDir } : {})
    }),
    templates: seedTemplates(instance, identity.flowId),
    knobs: structuredClone(DEFAULT_KNOBS),
    ids: createGraphIds(instance, String(epoch)),
    webhooks: undefined as unknown as World['webhooks'],
    pace: createPace(),
    subscription: { appCallback: null, wabaSubscribed: false, wabaOverrideUri: null },
    serviceCounts: new Map(),
    uses: new Map(),
    accepted: new Map(),
    blocked: new Set(),
    baseUrl: 'http://127.0.0.1',
    generation: 0
  }
  world.webhooks = createWebhooks({ parts, secret: identity.appSecret, knobs: () => world.knobs })

  async function handle(req: IncomingMessage, res: ServerResponse) {
    const startedAt = performance.now()
    const call = parseCall(world, req)
    const fault = parts.faults.has('call:graph') ? parts.faults.take('call:graph', await subjectOf(call)) : undefined
    let status = 0
    let answer: CallAnswer | undefined
    const over = fault ? await faultBefore(fault, req, res, world.ids.trace()) : undefined
    if (over !== undefined) status = over
    else {
      answer = await act(req, res, call, fault)
      status = await sendAnswer(res, answer, fault)
    }
    parts.ledger.add({
      side: 'graph',
      what: 'call',
      name: call.name,
      ids: { path: call.pathname, ...answer?.ids },
      status,
      tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
      ...(fault ? { fault: fault.kind } : {}),
      ...(answer?.logged !== undefined ? { body: answer.logged } : {})
    })
  }

  async function act(
    req: IncomingMessage,
    res: ServerResponse,
    call: ReturnType<typeof parseCall>,
    fault: ReturnType<typeof parts.faults.take>
  ): Promise<CallAnswer> {
    const late = fault?.kind === 'commit_after_timeout'
    try {
      return await answerCall(
        world,
        req,
        call,
        late ? () => waitForClient(res, fault.delayMs ?? 30_000).then(() => pause(20)) : undefined
      )
    } catch (error) {
      if (!req.complete) req.resume()
      if (error instanceof GraphError) {
        return {
          http: error.http,
          json: { error: { ...error.body, fbtrace_id: world.ids.trace() } },
          ids: { error: error.code }
        }
      }
      const unknown = new GraphError(1)
      return {
        http: unknown.http,
        json: { error: { ...unknown.body, fbtrace_id: world.ids.trace() } },
        ids: { error: String(error).slice(0, 200) }
      }
    }
  }

  async function announceChange(field: string, value: Json): Promise<number | null> {
    const url = findCallback(world, field, world.numbers[0] ?? null)
    if (!url) return null
    return world.webhooks.post({
      name: field,
      url,
      payload: wrapChange(world, [{ field, value }], Math.floor(parts.clock.now() / 1000)),
      ids: {}
    })
  }

  return {
    handle,
    setBaseUrl(url) {
      world.baseUrl = url.replace(/\/$/, '')
    },
    async say(input) {
      const record = asRecord(input)
      const many = Array.isArray(input) ? input : Array.isArray(record['messages']) ? record['messages'] : undefined
      if (!many) return (await sayAll(world, [readSayInput(input)], 1))[0]!
      const batch = record['batch']
      const perWebhook = typeof batch === 'number' ? batch : batch === true ? 1000 : world.knobs.batchSize
      return sayAll(world, many.map(readSayInput), Math.max(1, Math.min(1000, perWebhook)))
    },
    async deliver(input) {
      const number = findNumber(world, readPhoneNumberId(input.body)) ?? world.numbers[0]!
      const url = input.url ?? findCallback(world, 'messages', number)
      if (!url) throw new Error('nobody is subscribed: connect the number first, or give a url')
      const bytes =
        input.rawBase64 !== undefined
          ? Buffer.from(input.rawBase64, 'base64')
          : input.raw !== undefined
            ? Buffer.from(input.raw, 'utf8')
            : serialise(input.body ?? {}, input.encoding ?? world.knobs.encoding)
      const sign = input.sign ?? true
      const secret = sign === true ? identity.appSecret : sign === 'wrong' ? 'not-the-secret-of-this-app' : sign
      const headers = {
        'content-type': 'application/json',
        ...(secret === false ? {} : signHeaders(bytes, secret)),
        ...input.headers
      }
      const answer = await world.webhooks.postBytes(url, bytes, headers)
      parts.ledger.add({
        side: 'graph',
        what: 'hook',
        name: 'delivered_by_hand',
        ids: { sign: typeof sign === 'string' && sign !== 'wrong' ? 'other' : String(sign), bytes: bytes.length },
        status: answer.status,
        tookMs: answer.tookMs,
        body: bytes.length <= 64 * 1024 ? (input.body ?? bytes.toString('utf8')) : { bytes: bytes.length }
      })
      return answer
    },
    announceChange,
    async setStatus(wamid, status, failure) {
      const message = world.accepted.get(wamid)
      if (!message) throw new Error('no such message was accepted here')
      return postStatus(world, failure ? { ...message, failure } : message, status)
    },
    configure(given) {
      world.knobs = mergeKnobs(world.knobs, given)
      const record = asRecord(given)
      for (const one of Array.isArray(record['customers']) ? record['customers'] : []) {
        const customer = asRecord(one)
        const known = world.customers.find(String(customer['id'] ?? ''))
        const changedOne = world.customers.add({
          ...(customer as Partial<Customer>),
          id: known?.id ?? String(customer['id'] ?? customer['waId'] ?? customer['name'])
        })
        reachAgain(changedOne)
        changed(known?.id ?? String(customer['id']))
      }
      for (const { field, value } of changeTemplates(world, record['templates'])) void announceChange(field, value)
      return world.knobs
    },
    config: () => ({
      url: world.baseUrl,
      version: 'v25.0',
      ...identity,
      phoneNumberId: world.numbers[0]!.phoneNumberId,
      displayPhoneNumber: world.numbers[0]!.displayPhoneNumber,
      numbers: world.numbers.map(({ phoneNumberId, displayPhoneNumber, verifiedName }) => ({
        phoneNumberId,
        displayPhoneNumber,
        verifiedName
      })),
      customers: world.customers
        .all()
        .slice(0, 200)
        .map(({ id, name, username, waId, userId, phoneDigits, identityHash }) => ({
          id,
          name,
          username,
          waId,
          userId,
          phone: phoneDigits && `+${phoneDigits}`,
          identityHash
        })),
      callbacks: listCallbacks(world),
      knobs: world.knobs
    }),
    view: limit => viewPhone(world, limit),
    findMedia(id) {
      const record = world.media.find(id)
      const body = record && world.media.read(record)
      return record && body ? { mime: record.mime, name: record.name, bytes: record.bytes, body } : undefined
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    snapshot(): GraphSnapshot {
      return {
        numbers: world.numbers,
        customers: world.customers.all(),
        chats: world.chats
          .all()
          .sort((a, b) => (b.messages.at(-1)?.at ?? 0) - (a.messages.at(-1)?.at ?? 0))
          .slice(0, SNAPSHOT_CHATS),
        media: world.media.snapshot(),
        templates: world.templates,
        knobs: world.knobs,
        subscription: world.subscription,
        serviceCounts: [...world.serviceCounts],
        uses: [...world.uses].slice(-SNAPSHOT_USES),
        pending: world.webhooks.pending().slice(0, 10_000)
      }
    },
    restore(snapshot) {
      const from = snapshot as GraphSnapshot
      world.numbers = from.numbers
      world.customers.restore(from.customers)
      world.chats.restore(from.chats)
      world.media.restore(from.media)
      world.templates = from.templates
      world.knobs = mergeKnobs(structuredClone(DEFAULT_KNOBS), from.knobs)
      world.subscription = from.subscription
      world.serviceCounts = new Map(from.serviceCounts)
      world.uses = new Map(from.uses)
      world.webhooks.restore(from.pending)
    },
    async reset() {
      world.generation++
      world.webhooks.clear()
      world.customers = createCustomers(instance)
      world.chats.restore([])
      world.templates = seedTemplates(instance, identity.flowId)
      world.knobs = structuredClone(DEFAULT_KNOBS)
      world.pace.clear()
      world.serviceCounts.clear()
      world.uses.clear()
      world.accepted.clear()
      world.blocked.clear()
      // The callbacks stay: whoever is connected remains connected. Ids must not recur.
      resets += 1
      world.ids = createGraphIds(instance, `${epoch}.${resets}`)
      await world.media.clear()
      changed('*')
    },
    close() {
      world.generation++
      world.webhooks.close()
      listeners.clear()
    }
  }
}

function readPhoneNumberId(body: unknown): string | undefined {
  const entry = asRecord((asRecord(body)['entry'] as unknown[] | undefined)?.[0])
  const change = asRecord((entry['changes'] as unknown[] | undefined)?.[0])
  const id = asRecord(asRecord(change['value'])['metadata'])['phone_number_id']
  return typeof id === 'string' ? id : undefined
}
