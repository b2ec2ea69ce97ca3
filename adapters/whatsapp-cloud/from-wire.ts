/**
 * What one stored envelope means, as today's code understands it. Total: an envelope that says nothing known is
 * `unknown`, so that it can be read again after an upgrade.
 */
import type { InboundFact } from '../../plugin/core/model.ts'
import { countHistory, readCall, readGroup, readManagement, readPreference } from './from-wire-events.ts'
import { readEcho, readMessage } from './from-wire-message.ts'
import { readFailures, readStatus } from './from-wire-status.ts'
import { asList, asObject } from './safe-read.ts'
import { type Found, walkWebhook } from './walk.ts'

/** Reads an envelope of exactly one item (of several, the first). Bytes that are no JSON give `unknown`. */
export function readFact(payload: Buffer | object): InboundFact {
  const body = Buffer.isBuffer(payload) ? parseBody(payload) : payload
  return readFound(walkWebhook(body)[0]!)
}

/** The JSON of a body, without a byte order mark; undefined when it is none. */
export function parseBody(raw: Buffer): unknown {
  try {
    const text = raw.toString('utf8')
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

export function readFound(found: Found): InboundFact {
  const { kind, field, item, value, findContact } = found
  const object = asObject(item) ?? {}
  switch (kind) {
    case 'message':
      return { kind, message: mark(readMessage(object, findContact, failuresOf(found)), field) }
    case 'echo':
      return { kind, message: mark(readEcho(object, findContact, failuresOf(found)), field) }
    case 'status':
      return { kind, status: readStatus(object, findContact) }
    case 'call':
      return { kind, call: readCall(object, findContact) }
    case 'group':
      return { kind, group: readGroup(object) }
    case 'preference':
      return readPreference(object, findContact)
    case 'management':
      return readManagement(field, value)
    case 'history':
      return { kind, messages: countHistory(value) }
    case 'notice':
      return { kind, field: found.list === 'user_actions' ? 'user_actions' : field, failures: noticeFailures(found) }
    case 'unknown':
      return { kind, field }
  }
}

function mark<M extends { standby?: boolean }>(message: M, field: string): M {
  if (field === 'standby') message.standby = true
  return message
}

function failuresOf(found: Found) {
  const own = asObject(found.item)?.errors
  const failures = readFailures(own)
  return found.carriesErrors ? [...failures, ...readFailures(found.holder.errors)] : failures
}

function noticeFailures(found: Found) {
  if (found.list === 'errors') return readFailures(found.item)
  if (found.field === 'history')
    return readFailures(asList(found.value.history).flatMap(part => asList(asObject(part)?.errors)))
  return []
}
