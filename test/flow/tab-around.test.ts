// What stands around a conversation: whether receipts come at all, where else the contact is talked to, how they may call.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

t.test('the head of the tab tells what one would otherwise have to find out', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const bea = await tab.signIn('bea')
  const { conversationId } = await tab.begin({ text: 'Hola' })
  const statusOf = async (id: number, as = bea): Promise<Loose> =>
    (await tab.call('GET', `/conversations/${id}`, { as, withDesk: true })).body

  await t.test('delivered five times and never read: receipts are probably off; read once: they are on', async t => {
    const noor = await tab.begin({ customer: 'noor', text: 'Hallo' })
    const told = (status: Loose): string[] => status.notices.map((notice: Loose) => notice.code)
    const delivered = (): number =>
      flow.messages().filter((row: Loose) => row.content?.startsWith('Guten Tag') && row.status === 'delivered').length
    for (let n = 1; n <= 4; n++) flow.reply({ conversationId: noor.conversationId, content: `Guten Tag ${n}` })
    await flow.until('four are delivered', () => delivered() === 4)
    const before = await statusOf(noor.conversationId)
    t.equal(before.receipts, 'unknown', 'four may be chance')
    t.notOk(told(before).includes('receipts_off'))
    flow.reply({ conversationId: noor.conversationId, content: 'Guten Tag 5' })
    await flow.until('five are delivered', () => delivered() === 5)
    const after = await statusOf(noor.conversationId)
    t.equal(after.receipts, 'probably_off')
    t.ok(told(after).includes('receipts_off'), 'said in words, too')
    flow.reply({ conversationId, content: 'Buenos días' })
    await flow.until('read', () => flow.messages().some((row: Loose) => row.status === 'read'))
    t.equal((await statusOf(conversationId)).receipts, 'on')
  })

  await t.test('another inbox in which the contact is talked to, for those who may see it', async t => {
    const theirs = await tab.begin({ customer: '34611000555', text: 'Hola' })
    const inbox = (await tab.deskCall('POST', '/inboxes', { name: 'Letters', channel: { type: 'api' } })).body
    const source = { inbox_id: inbox.id, source_id: 'letters-1' }
    await tab.deskCall('POST', `/contacts/${theirs.contactId}/contact_inboxes`, source)
    const made = await tab.deskCall('POST', '/conversations', { ...source, contact_id: theirs.contactId })
    t.equal(made.status, 200)
    const elsewhere = async (as?: typeof bea): Promise<Loose[]> => (await statusOf(theirs.conversationId, as)).elsewhere
    t.same(await elsewhere(), [], 'an agent who is no member there is told nothing')
    const [other] = await elsewhere(await tab.signIn('ada'))
    t.match(other, { conversationId: made.body.id, inboxName: 'Letters' })
    t.match(other?.link, new RegExp(`/app/accounts/${tab.accountId}/conversations/${made.body.id}$`))
    await tab.deskCall('PATCH', '/inbox_members', { inbox_id: inbox.id, user_ids: [bea.id] })
    await flow.until('a member is told', async () => (await elsewhere()).length === 1, 30_000)
  })

  await t.test('the link by which customers call, where the number takes calls', async t => {
    const number = flow.runtime.bridge.registry.numbers()[0]!
    await flow.until('known', async () => (await statusOf(conversationId)).number.callLink !== null)
    t.equal(
      (await statusOf(conversationId)).number.callLink,
      `https://wa.me/call/${number.displayPhoneNumber.replace(/\D/g, '')}`
    )
    await flow.runtime.talk.talk.keepCalling(number.id, false)
    t.equal((await statusOf(conversationId)).number.callLink, null)
  })
})
