/** Conversations that agents begin, who is addressed when contacts change, and the courtesy of read marks and typing. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query, sentTo, talkOf, textsOf } from './talk.ts'

t.test('conversations that agents begin', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.5 } })
  const greet = { name: 'hello_world', category: 'UTILITY', language: 'en_US', processed_params: {} }

  await t.test(
    'S45, S55: bound on first send by the phone of the hook; the answer of the customer lands there',
    async t => {
      const customer = '34611000901'
      const made: Loose = flow.act({ act: 'start', phone: `+${customer}`, name: 'Nueva', content: 'We have news' })
      const conversation = flow.conversations().find(one => one.id === made.conversationId)
      const talk = talkOf(flow, customer, conversation)
      // Nobody has written: a free answer waits, a template goes.
      await flow.until('parked', () => talk.row(made.messageId).status === 'failed')
      talk.reply('Hello World', { templateParams: greet })
      await flow.until('the template', () => sentTo(flow, customer)[0])
      await talk.say('Thank you')
      await flow.until('the answer in the same conversation', () =>
        talk.conversation().messages.find((message: Loose) => message.content === 'Thank you')
      )
      await flow.until('what waited', () => talk.sent().length === 2)
      t.equal(talk.sent()[1].text.body, 'We have news')
      const contacts = flow.conversations().filter(one => one.contact?.phone === `+${customer}`)
      t.equal(contacts.length, 1, 'one contact, one conversation')
    }
  )

  await t.test('S51: customer and agent begin at the same moment: one conversation', async t => {
    const phone = '34611000911'
    const { contactId } = flow.act({ act: 'createContact', name: 'Both', phone: `+${phone}` })
    // While the customer's first message is on its way into the desk, an agent begins from the contact's page.
    await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: '/contacts', count: 2, delayMs: 900 }])
    await flow.say({ customer: phone, text: 'We were about to ask' })
    await flow.until('under way', () => flow.runtime.pump.held() > 0)
    const made: Loose = flow.act({ act: 'start', contactId, content: 'We were about to tell' })
    await flow.until('sent', () => sentTo(flow, phone).length === 1)
    await flow.until('written', () => flow.messages().find(message => message.content === 'We were about to ask'))
    await flow.settle(30_000)
    t.same(
      flow
        .conversations()
        .filter(one => one.contact?.phone === `+${phone}`)
        .map(one => one.id),
      [made.conversationId],
      'the customer’s message is in the agent’s conversation'
    )
  })

  await t.test('a known customer: an agent’s new conversation reaches the same person', async t => {
    const known = await beginTalk(flow)
    const made: Loose = flow.act({ act: 'start', phone: `+${known.customer}`, content: 'A second thread' })
    await flow.until('sent', () => known.sent()[0])
    t.same(textsOf(known.sent()), ['A second thread'])
    t.not(made.conversationId, known.conversationId)
  })

  await t.test('an edited phone or a merged contact changes nobody’s address', async t => {
    const talk = await beginTalk(flow)
    const other = await beginTalk(flow)
    const contactId = talk.conversation().contact.id
    flow.act({ act: 'editPhone', contactId, phone: '+34699999999' })
    talk.reply('to the same person')
    await flow.until('sent', () => talk.sent()[0])
    t.equal(talk.sent()[0].to, `+${talk.customer}`)
    flow.act({ act: 'mergeContacts', base: contactId, mergee: other.conversation().contact.id })
    other.reply('to the other')
    talk.reply('to the first')
    await flow.until('both', () => other.sent().length === 1 && talk.sent().length === 2)
    t.equal(other.sent()[0].text.body, 'to the other')
    t.equal(talk.sent()[1].text.body, 'to the first')
    t.equal(sentTo(flow, '34699999999').length, 0)
  })

  await t.test('a contact without a phone is told so; once it has one, Retry reaches it', async t => {
    const { contactId } = flow.act({ act: 'createContact', name: 'No phone' })
    const made: Loose = flow.act({ act: 'start', contactId, content: 'Anybody there?' })
    const row = (): Loose => flow.messages().find(message => message.id === made.messageId)
    await flow.until('told', () => row().status === 'failed')
    t.match(row().contentAttributes.external_error, /no WhatsApp number/)
    await flow.settle()
    flow.act({ act: 'editPhone', contactId, phone: '+34611000902' })
    const talk = talkOf(
      flow,
      '34611000902',
      flow.conversations().find(one => one.id === made.conversationId)
    )
    talk.reply('Hello World', { templateParams: greet })
    await flow.until('the template', () => talk.sent()[0])
    await talk.say('Here I am')
    await flow.until('the answer lands there', () =>
      talk.conversation().messages.find((message: Loose) => message.content === 'Here I am')
    )
  })

  const marks = (name: 'read' | 'typing', customer: string): Loose[] =>
    flow.ledger({ side: 'graph', what: 'effect', name }).filter(entry => {
      const { wamid } = entry.ids
      return flow.messages().some(message => message.sourceId === wamid && belongs(message, customer))
    })
  const belongs = (message: Loose, customer: string): boolean =>
    flow
      .conversations()
      .some(one => one.contact?.phone === `+${customer}` && one.messages.some((row: Loose) => row.id === message.id))

  await t.test('blue ticks when a person answers, the typing sign when a person types; not for machines', async t => {
    const talk = await beginTalk(flow)
    talk.reply('from a machine', { sender: 'automation' })
    await flow.until('sent', () => talk.sent()[0])
    await flow.settle()
    t.equal(marks('read', talk.customer).length, 0)
    talk.act('typing', { on: true })
    await flow.until('the typing sign', () => marks('typing', talk.customer)[0])
    talk.act('typing', { on: true })
    talk.act('typing', { on: true, private: true })
    talk.reply('from a person')
    await flow.until('blue', () => marks('read', talk.customer)[0])
    await flow.settle()
    talk.reply('a second time')
    await flow.until('sent', () => talk.sent().length === 3)
    await flow.settle()
    t.equal(marks('read', talk.customer).length, 1, 'one mark for one message of the customer')
    t.equal(marks('typing', talk.customer).length, 1)
  })

  await t.test('nothing is marked as read that has not reached the desk yet', async t => {
    const talk = await beginTalk(flow)
    const all = (): number =>
      flow.ledger({ side: 'graph', what: 'effect' }).filter(({ name }) => name === 'read' || name === 'typing').length
    const before = all()
    await flow.door('faults', [{ on: 'call:desk', kind: 'status', status: 503, match: 'POST' }])
    await talk.say('nobody sees this yet')
    talk.act('typing', { on: true })
    talk.reply('to what was said before')
    await flow.until('sent', () => talk.sent()[0])
    await sleep(300)
    t.equal(all(), before, 'neither the answer nor the typing sign marks it')
    await flow.door('faults', [])
    await flow.until('it is shown', () =>
      talk.conversation().messages.find((message: Loose) => message.content === 'nobody sees this yet')
    )
    await flow.settle()
    talk.reply('to both')
    await flow.until('blue', () => marks('read', talk.customer)[0])
    t.equal(all(), before + 1)
  })

  await t.test('both are switched off by policy', async t => {
    await query(flow, `update numbers set policy = policy || '{"readMarks":false,"typing":false}'`)
    await flow.runtime.refresh()
    const talk = await beginTalk(flow)
    talk.act('typing', { on: true })
    talk.reply('quietly')
    await flow.until('sent', () => talk.sent()[0])
    await flow.settle()
    t.equal(marks('read', talk.customer).length + marks('typing', talk.customer).length, 0)
  })
})
