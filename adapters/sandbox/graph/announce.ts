/** Runs the plan of an accepted message: posts its statuses when their time has come, and keeps the phone in step. */
import { pause } from '../wire.ts'
import { GRAPH_ERRORS } from './errors.ts'
import type { Customer, StatusName } from './model.ts'
import { countUse } from './pricing.ts'
import { type AcceptedMessage, PRICING_RULES, planStatuses, priceMessage, statusValue } from './statuses.ts'
import { findCallback, type World, wrapChange } from './world.ts'

const MAX_REMEMBERED = 50_000

/** Remembers the message and follows its plan in the background. `extraMs` is added before the first status. */
export function announce(world: World, message: AcceptedMessage, extraMs = 0) {
  world.accepted.set(message.wamid, message)
  if (world.accepted.size > MAX_REMEMBERED) {
    const oldest = world.accepted.keys().next().value
    if (oldest !== undefined) world.accepted.delete(oldest)
  }
  if (world.knobs.statuses.mode === 'manual') return
  void followPlan(world, message, extraMs)
}

async function followPlan(world: World, message: AcceptedMessage, extraMs: number) {
  const { generation } = world
  let startedAt = Date.now() + extraMs
  // The sender must have its answer before the first status can arrive.
  await new Promise(resolve => setImmediate(resolve))
  for (const step of planStatuses(message, world.knobs)) {
    const waitMs = startedAt + step.afterMs - Date.now()
    if (waitMs > 0) await pause(waitMs)
    if (step.status !== 'sent' && step.status !== 'failed') startedAt += await untilReached(message.customer)
    if (world.generation !== generation) return
    await postStatus(world, message, step.status)
  }
}

const waiting = new WeakMap<Customer, (() => void)[]>()

/** WhatsApp keeps what a phone that is out of reach cannot take. Answers for how long it waited, ms. */
async function untilReached(customer: Customer): Promise<number> {
  const since = Date.now()
  while (customer.phone === 'off') {
    await new Promise<void>(resolve => waiting.set(customer, [...(waiting.get(customer) ?? []), resolve]))
  }
  return Date.now() - since
}

/** A phone may be in reach again: what waited for it goes on. */
export function reachAgain(customer: Customer) {
  const resume = waiting.get(customer) ?? []
  waiting.delete(customer)
  for (const each of resume) each()
}

/** Posts one status now; resolves with what Puente answered (0 = nothing, null = nobody is subscribed). */
export async function postStatus(world: World, message: AcceptedMessage, status: StatusName): Promise<number | null> {
  const atMs = world.parts.clock.now()
  const error = status === 'failed' ? (message.failure ?? { code: 131000 }) : undefined
  world.chats.setStatus(
    message.wamid,
    status,
    error && {
      code: error.code,
      title: GRAPH_ERRORS[error.code]?.title ?? 'Failed',
      ...(error.details ? { details: error.details } : {})
    }
  )
  const pricing = status === 'sent' || status === 'delivered' ? price(world, message, atMs, status) : undefined
  const url = findCallback(world, 'messages', message.number)
  if (!url) return null
  return world.webhooks.post({
    name: 'status',
    url,
    payload: wrapChange(world, [{ field: 'messages', value: statusValue(message, status, atMs, pricing) }]),
    ids: {
      wamid: message.wamid,
      status,
      customer: message.customer.id,
      number: message.number.phoneNumberId,
      callback: message.callback
    }
  })
}

function price(world: World, message: AcceptedMessage, atMs: number, status: StatusName) {
  const month = new Date(atMs).toISOString().slice(0, 7)
  const key = `${message.number.phoneNumberId} ${month}`
  const count = world.serviceCounts.get(key) ?? 0
  if (message.category === null && message.type !== 'reaction' && status === 'delivered')
    world.serviceCounts.set(key, count + 1)
  const open = world.chats.isWindowOpen(message.chat)
  const pricing = priceMessage(message, atMs, open, count < PRICING_RULES.freeServicePerNumberAndMonth)
  if (message.type !== 'reaction' && status === 'delivered') countUse(world, message, pricing, atMs)
  return pricing
}
