/**
 * What scripts send through the REST API: answers into open conversations and templates to people who never wrote, each
 * under its own Idempotency-Key. A request that a killed process left unanswered is repeated with the same key until
 * its row is known; only then the judge can name it.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Chat, PLANTED } from './load.ts'
import type { World } from './world.ts'

export interface ApiSends {
  /** A text into each chat and a template to new people (one, unless told), all at once. */
  burst(tag: string, chats: Chat[], newPeople?: number): Promise<void>
  /** Repeats what has no row yet and hands everything to the judge; the sentences name what never got one. */
  answered(patienceMs?: number): Promise<string[]>
}

interface Send {
  tag: string
  unit: string
  phone: string
  opens: boolean
  /** Idempotency-Key. */
  key: string
  body: object
  info: { sendId: string; state: string; conversationId: number | null; messageId: number | null } | null
  /** What the last attempt came to, for the sentence. */
  last: string
}

const REQUEST_MS = 15_000
const AGAIN_MS = 200
/** Filled by the stand-in's own template; its first slot carries the tag. */
const TEMPLATE = { name: 'order_confirmation', language: 'en_US' }

export function createApiSends(world: World): ApiSends {
  const sends: Send[] = []
  let secret: Promise<string> | null = null
  let serial = 0

  // As `puente api-key create` makes it.
  const makeKey = async (): Promise<string> => {
    const made = `pak_${randomBytes(32).toString('base64url')}`
    await world.query(
      `insert into api_keys (id, desk_id, name, hash, hint) select $1, min(id), 'fault run', $2, $3 from desks`,
      [randomUUID(), createHash('sha256').update(made).digest(), made.slice(-4)]
    )
    return made
  }

  const plan = (tag: string, phone: string, opens: boolean): Send => {
    const mine = `${tag}-a${++serial}`
    const unit = `[${mine}]`
    const message = opens
      ? { kind: 'template', ...TEMPLATE, slots: { 'body.1': unit, 'body.2': PLANTED } }
      : { kind: 'text', text: `${unit} ${PLANTED} from a script` }
    const body = { phone: `+${phone}`, name: `${PLANTED} person`, message, externalRef: mine }
    const send = { tag: mine, unit, phone, opens, key: randomUUID(), body, info: null, last: 'never asked' }
    sends.push(send)
    return send
  }

  const ask = async (send: Send): Promise<void> => {
    secret ??= makeKey()
    const headers = {
      authorization: `Bearer ${await secret}`,
      'idempotency-key': send.key,
      'content-type': 'application/json'
    }
    try {
      const answer = await fetch(`${world.publicUrl}/api/v1/messages`, {
        method: 'POST',
        headers,
        body: JSON.stringify(send.body),
        signal: AbortSignal.timeout(REQUEST_MS)
      })
      const text = await answer.text()
      send.last = `${answer.status} ${text.slice(0, 200)}`
      if (answer.ok) send.info = JSON.parse(text) as Send['info']
    } catch (error) {
      // Killed amid the answer, or nobody is up: the key makes it safe to ask again.
      send.last = String(error)
    }
  }

  const isDone = ({ info }: Send): boolean => info !== null && (info.messageId !== null || info.state === 'failed')

  return {
    async burst(tag, chats, newPeople = 1) {
      const planned = chats.map(chat => plan(tag, chat.phone, false))
      for (let i = 0; i < newPeople; i++) planned.push(plan(tag, world.load.newPhone(), true))
      await Promise.all(planned.map(ask))
    },
    async answered(patienceMs = 60_000) {
      const until = performance.now() + patienceMs
      for (;;) {
        const open = sends.filter(send => !isDone(send))
        if (open.length === 0 || performance.now() > until) break
        await Promise.all(open.map(ask))
        await sleep(AGAIN_MS)
      }
      const unanswered: string[] = []
      for (const send of sends) {
        const { info, tag, unit, phone, opens } = send
        if (info?.messageId == null || info.conversationId === null) {
          unanswered.push(`${tag} has no row in the desk: ${send.last}`)
          continue
        }
        world.load.replies.push({
          messageId: info.messageId,
          conversationId: info.conversationId,
          tag,
          units: [unit],
          mayVanish: false,
          sourceId: `puente.say.${info.sendId}`,
          ...(opens ? { opened: phone } : {})
        })
      }
      return unanswered
    }
  }
}
