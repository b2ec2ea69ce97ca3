/** H4 to H6: the desk does not let us in any more, agents delete and resolve things, the desk refuses single messages. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import { eventually, keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
import type { World } from './world.ts'

export async function nothingSetAside(world: World): Promise<string[]> {
  const aside = await world.query<{ code: string; n: number }>(
    'select code, count(*)::int as n from events where state = 2 group by 1'
  )
  return aside.map(each => `${each.n} set aside for ${each.code}`)
}

export async function deskCalls(world: World, from: number): Promise<number> {
  return (await world.doors.ledger('&side=desk&what=call')).filter(entry => entry.n > from).length
}

export const every = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({ on: 'call:desk', kind, ...more })

export const REFUSING_ROWS: Scenario[] = [
  noEntry(401, 'desk token revoked (401), then valid again'),
  noEntry(403, 'desk token may do nothing any more (403), then may again'),
  {
    id: 'H5',
    fault: 'the inbox is deleted in the desk',
    moment: 'between messages of customers and answers of agents',
    // Nobody can deliver into what is gone: each is shown with that reason.
    allows: { shown: { most: 40, as: /desk_inbox_gone|desk_not_found/ } },
    judge: { severalConversations: true },
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const { desk } = await world.doors.config()
      const [row] = await world.query<{ inbox: number }>('select inbox_id::int as inbox from numbers')
      const gone = await fetch(`${world.doors.deskUrl}/api/v1/accounts/${desk.accountId}/inboxes/${row!.inbox}`, {
        method: 'DELETE',
        headers: { api_access_token: desk.adminToken }
      })
      if (!gone.ok) return [`the desk answered ${gone.status} to the deletion of the inbox`]
      await pause(1_000)
      for (const chat of chats) await world.load.say('orphan', chat.phone)
      const late = await world.load.say('orphan', world.load.newPhone())
      const aside = await eventually(async () => {
        const [event] = await world.query<{ state: number; code: string | null }>(
          'select state, code from events where key = $1',
          [`m:${late.wamid}`]
        )
        return event?.state === 2 && event.code === 'desk_inbox_gone'
      }, 20_000)
      return aside ? [] : ['a message for an inbox that is gone was not set aside for that reason']
    }
  },
  {
    id: 'H5',
    fault: 'an agent resolves the conversation',
    moment: 'between two messages of the customer',
    judge: { severalConversations: true },
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.doors.act({ act: 'resolve', conversationId: chat!.conversationId })
      await pause(600)
      const said = await world.load.say('again', chat!.phone)
      await world.settle(20_000)
      const { conversations } = await world.doors.view()
      const where = conversations.find(each => each.messages.some(message => message.sourceId === said.wamid))
      const old = conversations.find(each => each.id === chat!.conversationId)
      return [
        ...(where !== undefined && where.id !== chat!.conversationId ? [] : ['no new conversation was opened']),
        ...(old?.status === 'resolved' ? [] : [`the resolved conversation is ${old?.status}`])
      ]
    }
  },
  {
    id: 'H6',
    fault: 'a message longer than the desk takes',
    moment: "in the middle of a customer's messages",
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.load.say('long', chat!.phone)
      const said = await world.load.say('long', chat!.phone, { text: `[long] ${'a word '.repeat(30_000)}` })
      await world.load.say('long', chat!.phone)
      await world.settle(20_000)
      const { conversations } = await world.doors.view()
      const row = conversations.flatMap(each => each.messages).find(each => each.sourceId === said.wamid)
      const content = row?.content ?? ''
      // Cut where the desk could still take it, and the cut is to be seen.
      return content.length >= 20_000 && content.length <= 150_000 && /…|\bcut\b/.test(content.slice(-200))
        ? []
        : [`the desk shows ${content.length} characters of 210,000, ending in ${JSON.stringify(content.slice(-30))}`]
    }
  },
  {
    id: 'H6',
    fault: 'the desk itself finds a message too long (422)',
    moment: "in the middle of a customer's messages",
    allows: { shown: { most: 1, as: /desk_invalid/ } },
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      const body = { message: 'Content is too long (maximum is 20 characters)', attributes: ['content'] }
      await world.doors.faults([
        every('status', { match: `${chat!.conversationId}/messages`, status: 422, count: 1, body })
      ])
      for (let i = 0; i < 3; i++) await world.load.say('long', chat!.phone)
      await world.settle(20_000)
      const aside = await world.query<{ code: string }>('select code from events where state = 2')
      return aside.length === 1 && aside[0]!.code === 'desk_invalid' ? [] : [`set aside: ${JSON.stringify(aside)}`]
    }
  },
  {
    id: 'H5',
    fault: 'agents delete conversation and contact, resolve a conversation',
    moment: 'between two messages of the customer',
    quick: true,
    judge: { severalConversations: true },
    async play(world) {
      const [one, two, three] = await world.load.openChats('setup', 3)
      await world.doors.act({ act: 'deleteConversation', conversationId: one!.conversationId })
      const view = await world.doors.view()
      const contact = view.conversations.find(each => each.id === two!.conversationId)!.contact!.id
      await world.doors.act({ act: 'deleteContact', contactId: contact })
      await world.doors.act({ act: 'resolve', conversationId: three!.conversationId })
      await pause(600)
      for (const chat of [one!, two!, three!]) for (let i = 0; i < 3; i++) await world.load.say('again', chat.phone)
      await world.settle(30_000)
      const { conversations } = await world.doors.view()
      const wrong: string[] = []
      for (const chat of [one!, two!, three!]) {
        const open = conversations.filter(each => each.contact?.phone === `+${chat.phone}` && each.status === 'open')
        if (open.length !== 1) wrong.push(`${open.length} open conversations after the deletion`)
      }
      return wrong
    }
  },
  {
    id: 'H6',
    fault: 'desk answers 422 to one message',
    moment: "in the middle of a customer's messages",
    quick: true,
    allows: { shown: { most: 1, as: /desk_invalid/ } },
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      await world.doors.faults([
        every('status', {
          match: `${chat!.conversationId}/messages`,
          status: 422,
          count: 1,
          body: { error: 'Content is invalid' }
        })
      ])
      for (let i = 0; i < 4; i++) await world.load.say('refused', chat!.phone)
      await world.settle(20_000)
      const aside = await world.query<{ code: string }>('select code from events where state = 2')
      return aside.length === 1 && aside[0]!.code === 'desk_invalid' ? [] : [`set aside: ${JSON.stringify(aside)}`]
    }
  },
  {
    id: 'H6',
    fault: 'the phone belongs to another contact already',
    moment: 'first message of a customer, fifty at once through two processes',
    processes: 2,
    async play(world) {
      const idle = await talkUntilShared(world, await world.load.openChats('setup', 4))
      const phones = Array.from({ length: 5 }, () => world.load.newPhone())
      for (const phone of phones)
        await world.doors.act({ act: 'createContact', name: 'known already', phone: `+${phone}` })
      await Promise.all(phones.flatMap(phone => Array.from({ length: 10 }, () => world.load.say('race', phone))))
      return idle
    }
  }
]

function noEntry(status: number, fault: string): Scenario {
  return {
    id: 'H4',
    fault,
    moment: 'under load in both directions',
    patienceMs: 150_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const stopTalking = keepTalking(world, chats)
      await world.doors.faults([every('status', { status })])
      await pause(1_500)
      const from = (await world.doors.ledger()).at(-1)!.n
      await pause(1_500)
      const calls = await deskCalls(world, from)
      await world.doors.faults([])
      await stopTalking()
      // The admin gives a token: what `connect` does, here the same one again.
      await world.puentes.at(-1)!.connectSandbox(world.doors.deskUrl)
      return [
        ...(calls > 6 ? [`${calls} calls with a token that is answered ${status}`] : []),
        ...(await nothingSetAside(world))
      ]
    }
  }
}
