// What the framing desk says about where we are. Chatwoot's dashboard speaks camelCase, its mobile app the same in
// snake_case. All of it can be forged by whoever frames the page: these are locators, never an identity.

export interface Place {
  accountId: number
  conversationId: number
  inboxId: number | null
  agentId: number | null
  contactId: number | null
  agentName: string | null
  /** Origin of the framing page; null where there is none (web view, own window). */
  deskOrigin: string | null
}

type Loose = Record<string, unknown>

const asHash = (value: unknown): Loose => (typeof value === 'object' && value !== null ? (value as Loose) : {})

function asId(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : null
}

/** The origin of an address of the web, or null. */
export function asOrigin(address: string | null): string | null {
  return address !== null && /^https?:\/\//.test(address) && URL.canParse(address) ? new URL(address).origin : null
}

/** The place told by a message of the desk (a JSON string or an object), or null when it is no such message. */
export function readContext(data: unknown, origin: string | null): Place | null {
  let read = data
  if (typeof data === 'string') {
    try {
      read = JSON.parse(data)
    } catch {
      return null
    }
  }
  const envelope = asHash(read)
  if (envelope['event'] !== 'appContext') return null
  const told = asHash(envelope['data'])
  const conversation = asHash(told['conversation'])
  const agent = asHash(told['currentAgent'] ?? told['current_agent'])
  const accountId = asId(conversation['account_id'] ?? conversation['accountId'])
  const conversationId = asId(conversation['id'])
  if (accountId === null || conversationId === null) return null
  return {
    accountId,
    conversationId,
    inboxId: asId(conversation['inbox_id'] ?? conversation['inboxId']),
    agentId: asId(agent['id']),
    contactId: asId(asHash(told['contact'])['id']),
    agentName: typeof agent['name'] === 'string' ? agent['name'] : null,
    deskOrigin: asOrigin(origin)
  }
}

/** The same from the page's own address (`?account=1&conversation=57&desk=…`), for a window of its own. */
export function readAddress(search: string): Place | null {
  const query = new URLSearchParams(search)
  const accountId = asId(query.get('account'))
  const conversationId = asId(query.get('conversation'))
  if (accountId === null || conversationId === null) return null
  return {
    accountId,
    conversationId,
    inboxId: null,
    agentId: null,
    contactId: null,
    agentName: null,
    deskOrigin: asOrigin(query.get('desk'))
  }
}
