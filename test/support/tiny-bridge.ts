/**
 * The smallest thing that stands where Puente stands, so that the sandbox page can be tested without Puente: carries
 * text and pictures both ways and ticks back. Checks no signature, keeps nothing, survives nothing.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Sandbox } from '../../adapters/sandbox/sandbox.ts'

// biome-ignore lint/suspicious/noExplicitAny: wire shapes are looked into freely here
type Loose = any

export interface TinyBridge {
  inboxId: number
  /** Answers nothing any more, as if the process were dead. */
  pause(on: boolean): void
}

async function readJson(req: IncomingMessage): Promise<Loose> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
}

/** One of the templates that the Graph stand-in begins with, as the desk's picker wants it. */
const orderConfirmation = {
  name: 'order_confirmation',
  language: 'en_US',
  status: 'APPROVED',
  category: 'UTILITY',
  components: [
    {
      type: 'BODY',
      text: 'Thank you, {{1}}! Your order {{2}} is confirmed. We will tell you when it leaves.'
    }
  ]
}

function toTemplate(params: Loose): object {
  const parameters = Object.values(params.processed_params.body).map(text => ({ type: 'text', text }))
  const language = { code: params.language }
  return { type: 'template', template: { name: params.name, language, components: [{ type: 'body', parameters }] } }
}

/** Connects the sandbox's first number with an inbox of its own. */
export async function startTinyBridge(
  t: { teardown(work: () => unknown): unknown },
  sandbox: Sandbox
): Promise<TinyBridge> {
  const config = sandbox.config() as Loose
  const { token, phoneNumberId } = config.numbers[0].whatsapp
  const desk = config.desk
  const conversations = new Map<string, number>()
  const sources = new Map<string, string>()
  const sentFrom = new Map<string, { conversationId: number; messageId: number }>()
  let paused = false

  async function call(method: string, url: string, headers: Record<string, string>, body: unknown): Promise<Loose> {
    const init = { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
    return (await fetch(url, init)).json()
  }
  const askDesk = (method: string, path: string, body: unknown) =>
    call(
      method,
      `${sandbox.deskUrl}/api/v1/accounts/${desk.accountId}${path}`,
      { api_access_token: desk.adminToken },
      body
    )
  const askGraph = (body: object) =>
    call(
      'POST',
      `${sandbox.graphUrl}/v25.0/${phoneNumberId}/messages`,
      { authorization: `Bearer ${token}` },
      {
        messaging_product: 'whatsapp',
        ...body
      }
    )

  async function takeMessage(value: Loose, message: Loose): Promise<void> {
    const waId = message.from
    const content = message.text?.body ?? message.interactive?.button_reply?.title ?? `[${message.type}]`
    const row = { content, message_type: 'incoming', source_id: message.id }
    const known = conversations.get(waId)
    if (known !== undefined) {
      await askDesk('POST', `/conversations/${known}/messages`, row)
    } else {
      const name = value.contacts?.[0]?.profile?.name
      const made = await askDesk('POST', '/contacts', { inbox_id: inboxId, name, phone_number: `+${waId}` })
      const { source_id: sourceId } = made.payload.contact_inbox
      const opened = await askDesk('POST', '/conversations', { source_id: sourceId, inbox_id: inboxId, message: row })
      conversations.set(waId, opened.id)
      sources.set(sourceId, waId)
    }
    await askGraph({ status: 'read', message_id: message.id })
  }

  async function takeHook(hook: Loose): Promise<void> {
    if (hook.event !== 'message_created' || hook.message_type !== 'outgoing' || hook.private) return
    const to = sources.get(hook.conversation.contact_inbox.source_id)
    const params = hook.additional_attributes?.template_params
    const answer = await askGraph({
      to,
      ...(params ? toTemplate(params) : { type: 'text', text: { body: hook.content } }),
      biz_opaque_callback_data: `try-${hook.id}`
    })
    const wamid = answer.messages?.[0]?.id
    if (wamid) sentFrom.set(wamid, { conversationId: hook.conversation.id, messageId: hook.id })
    else await showStatus(hook.conversation.id, hook.id, 'failed', answer.error?.message)
  }

  const showStatus = (conversationId: number, messageId: number, status: string, reason?: string) =>
    askDesk('PATCH', `/conversations/${conversationId}/messages/${messageId}`, { status, external_error: reason })

  async function takeStatus(status: Loose): Promise<void> {
    const from = sentFrom.get(status.id)
    if (from && status.status !== 'sent')
      await showStatus(from.conversationId, from.messageId, status.status, status.errors?.[0]?.title)
  }

  let work: Promise<unknown> = Promise.resolve()
  const server = createServer(async (req, res) => {
    const body = await readJson(req)
    if (paused) return res.destroy()
    res.writeHead(200).end()
    const changes = (body.entry ?? []).flatMap((entry: Loose) => entry.changes)
    for (const { value } of changes) {
      for (const message of value.messages ?? []) work = work.then(() => takeMessage(value, message))
      for (const status of value.statuses ?? []) work = work.then(() => takeStatus(status))
    }
    if (body.event) work = work.then(() => takeHook(body))
    // A message that cannot be carried (say, of a customer without a number) must not stop the next one.
    work = work.catch(() => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const inbox = await askDesk('POST', '/inboxes', {
    name: 'WhatsApp shop',
    channel: {
      type: 'api',
      webhook_url: url,
      additional_attributes: { agent_reply_time_window: 24, message_templates: [orderConfirmation] }
    }
  })
  const inboxId = inbox.id as number
  sandbox.graph.configure({ callbackUrl: url })
  return {
    inboxId,
    pause(on) {
      paused = on
    }
  }
}
