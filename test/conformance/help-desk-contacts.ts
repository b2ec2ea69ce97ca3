/** Assumptions about contacts: how they are made, found, changed, merged and lost. */
import { NOBODY } from './fence.ts'
import {
  answer,
  begin,
  type Case,
  call,
  eventually,
  failure,
  incoming,
  messageHook,
  named,
  run,
  unique,
  uniquePhone,
  waitForHook
} from './help-desk-ground.ts'

export const CONTACTS_CASES: Case[] = [
  {
    id: 'CW-CONTACT',
    says: 'a contact is found by source id, phone and identifier, exactly',
    async play(t, { desk, access, inbox }) {
      const phone = uniquePhone()
      const contact = {
        inboxId: inbox.id,
        sourceId: unique('src'),
        name: named('Ana Ñ'),
        phone,
        identifier: unique('wa:ES')
      }
      const { contactId } = await desk.createContact(access, { ...contact, username: 'ana' })
      const found = await desk.findContactBySource(access, inbox.id, contact.sourceId)
      t.match(found, { id: contactId, name: named('Ana Ñ'), phone, identifier: contact.identifier })
      t.match(found?.additionalAttributes, { social_profiles: { whatsapp: 'ana' } })
      const matches = [
        { key: 'phone_number', values: [uniquePhone(), phone] },
        { key: 'identifier', values: ['nobody'] }
      ]
      t.same(
        (await desk.filterContacts(access, matches)).map(({ id }) => id),
        [contactId]
      )
      const byName = await desk.filterContacts(access, [{ key: 'identifier', values: [contact.identifier] }])
      t.same(
        byName.map(({ id }) => id),
        [contactId]
      )
      t.equal(await desk.findContactBySource(access, inbox.id, unique('unknown')), null)
    }
  },
  {
    id: 'CW-CONTACT-INVISIBLE',
    says: 'a contact with a name only is found by its source id',
    async play(t, { desk, access, inbox }) {
      const sourceId = unique('src')
      const { contactId } = await desk.createContact(access, {
        inboxId: inbox.id,
        sourceId,
        name: named('Only a name')
      })
      t.equal((await desk.findContactBySource(access, inbox.id, sourceId))?.id, contactId)
    }
  },
  {
    id: 'CW-TAKEN',
    says: 'a taken phone or identifier says so; a taken source id is an unexplained fault; a bad phone is invalid',
    async play(t, { desk, access, inbox }) {
      const phone = uniquePhone()
      const first = { inboxId: inbox.id, sourceId: unique('src'), name: named('x'), phone, identifier: unique('wa:ES') }
      await desk.createContact(access, first)
      const other = () => ({ inboxId: inbox.id, sourceId: unique('src'), name: named('x') })
      const byPhone = await failure(desk.createContact(access, { ...other(), phone }))
      t.match(byPhone, { code: 'desk_taken', facts: { attribute: 'phone_number' } })
      const byIdentifier = await failure(desk.createContact(access, { ...other(), identifier: first.identifier }))
      t.match(byIdentifier, { code: 'desk_taken', facts: { attribute: 'identifier' } })
      const bySource = await failure(desk.createContact(access, { ...other(), sourceId: first.sourceId }))
      t.equal(bySource.code, 'desk_unavailable')
      t.equal(bySource.certainty, 'may_have_happened')
      t.equal((await failure(desk.createContact(access, { ...other(), phone: '34600' }))).code, 'desk_invalid')
    }
  },
  {
    id: 'CW-CONTACT-MERGED',
    says: 'a changed contact keeps the attributes that others wrote',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { contactId, sourceId } = await begin(ground)
      const social = { social_profiles: { facebook: 'ana' } }
      await call(ground, access, 'PATCH', `/contacts/${contactId}`, {
        additional_attributes: social,
        custom_attributes: { vip: true }
      })
      await desk.updateContact(access, contactId, { name: named('Ana B.'), phone: uniquePhone(), username: 'ana.b' })
      const contact = await desk.findContactBySource(access, inbox.id, sourceId)
      t.equal(contact?.name, named('Ana B.'))
      t.match(contact?.attributes, { vip: true })
      t.match(contact?.additionalAttributes, { social_profiles: { facebook: 'ana', whatsapp: 'ana.b' } })
      t.equal((await failure(desk.updateContact(access, NOBODY, { name: named('x') }))).code, 'desk_not_found')
    }
  },
  {
    id: 'CW-FILTER-LOOSE',
    says: 'the contact filter heeds the first value of a condition only, and no case; ours is exact',
    without: 'each condition has one value, and what is found is compared again',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const make = async () => {
        const contact = { inboxId: inbox.id, sourceId: unique('src'), name: named('x'), phone: uniquePhone() }
        const identifier = unique('wa:ES')
        return { ...contact, identifier, ...(await desk.createContact(access, { ...contact, identifier })) }
      }
      const [first, second] = [await make(), await make()]
      const ask = async (attribute_key: string, values: string[]) => {
        const payload = [{ attribute_key, filter_operator: 'equal_to', values, query_operator: null }]
        const { body } = await call(ground, access, 'POST', '/contacts/filter', { payload })
        return body?.payload?.map((contact: { id: number }) => contact.id)
      }
      t.same(await ask('phone_number', [first.phone, second.phone]), [first.contactId])
      const loud = first.identifier.toUpperCase()
      t.same(await ask('identifier', [loud]), [first.contactId], 'in capitals')
      t.same(await desk.filterContacts(access, [{ key: 'identifier', values: [loud] }]), [], 'ours')
    }
  },
  {
    id: 'CW-FILTER-PAGES',
    says: 'what the contact filter finds comes fifteen at a time',
    async play(t, { desk, access, inbox }) {
      const name = `${named('Many')} ${unique('same')}`
      const made: number[] = []
      for (let nth = 0; nth < 17; nth++) {
        const contact = { inboxId: inbox.id, sourceId: unique('src'), name, identifier: unique('wa:ES') }
        made.push((await desk.createContact(access, contact)).contactId)
      }
      const found = await desk.filterContacts(access, [{ key: 'name', values: [name] }])
      t.same(
        found.map(({ id }) => id).sort((a, b) => a - b),
        made
      )
    }
  },
  {
    id: 'CW-FILTER-ATTRIBUTE',
    says: 'the contact filter knows attributes that are defined, and refuses a question about any other',
    async play(t, ground) {
      const { desk, access } = ground
      const key = `${run}_phone`
      const unknown = await failure(desk.filterContacts(access, [{ key, values: ['+1'] }]))
      t.equal(unknown.code, 'desk_invalid', 'not defined')
      await call(ground, access, 'POST', '/custom_attribute_definitions', {
        custom_attribute_definition: {
          attribute_display_name: 'Conformance phone',
          attribute_description: 'made by a test, and removed by it',
          attribute_display_type: 'text',
          attribute_key: key,
          attribute_model: 'contact_attribute'
        }
      })
      const { contactId } = await begin(ground)
      const phone = uniquePhone()
      await call(ground, access, 'PATCH', `/contacts/${contactId}`, { custom_attributes: { [key]: phone } })
      const found = await desk.filterContacts(access, [{ key, values: [uniquePhone(), phone] }])
      t.same(
        found.map(({ id }) => id),
        [contactId]
      )
    }
  },
  {
    id: 'CW-SOURCE-TAKEN',
    says: 'a conversation under the source id of another contact is refused, and says why',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const taken = await begin(ground)
      const other = await begin(ground)
      const { sourceId } = taken
      const error = await failure(
        desk.createConversation(access, { inboxId: inbox.id, contactId: other.contactId, sourceId })
      )
      t.match(error, { code: 'desk_taken', certainty: 'did_not_happen', facts: { attribute: 'source_id' } })
    }
  },
  {
    id: 'CW-SOURCE-SECOND',
    says: 'a contact may get a second source id by a conversation; each finds the contact and its own conversations',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const { contactId, sourceId, conversationId } = await begin(ground)
      const second = unique('src')
      const row = incoming('por el otro')
      const made = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId: second, row })
      t.equal((await desk.findContactBySource(access, inbox.id, second))?.id, contactId)
      t.equal((await desk.findContactBySource(access, inbox.id, sourceId))?.id, contactId)
      const idsOf = async (source: string) =>
        (await desk.findConversations(access, inbox.id, source)).map(({ id }) => id)
      t.same(await idsOf(second), [made.conversationId])
      t.same(await idsOf(sourceId), [conversationId])
    }
  },
  {
    id: 'CW-CONTACT-GONE',
    says: 'a deleted contact is told as such, and takes its source id along',
    async play(t, ground) {
      const { desk, access, inbox } = ground
      const sourceId = unique('src')
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: named('Gone') })
      t.equal((await call(ground, access, 'DELETE', `/contacts/${contactId}`)).status, 200)
      const error = await failure(desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId }))
      t.match(error, { code: 'desk_not_found', facts: { what: 'contact' } })
      await eventually(
        ground,
        async () => (await desk.findContactBySource(access, inbox.id, sourceId)) === null,
        'the source id is free'
      )
    }
  },
  {
    id: 'CW-MERGE',
    says: 'merged contacts keep all their source ids and conversations; hooks route by the source id, not by the contact',
    async play(t, ground) {
      const { desk, access, agent, inbox } = ground
      const base = await begin(ground)
      const mergee = await begin(ground)
      const ids = { base_contact_id: base.contactId, mergee_contact_id: mergee.contactId }
      t.equal((await call(ground, access, 'POST', '/actions/contact_merge', ids)).status, 200)
      t.equal((await desk.findContactBySource(access, inbox.id, mergee.sourceId))?.id, base.contactId)
      t.same(
        (await desk.findConversations(access, inbox.id, mergee.sourceId)).map(({ id }) => id),
        [mergee.conversationId]
      )
      const error = await failure(desk.updateContact(access, mergee.contactId, { name: named('x') }))
      t.equal(error.code, 'desk_not_found')
      const changed = await desk.listChangedConversations(access, inbox.id, 60)
      t.equal(changed.find(({ id }) => id === mergee.conversationId)?.contactId, base.contactId, 'in the list')
      const { messageId } = await desk.createMessage(agent, mergee.conversationId, answer('¿y ahora?'))
      const { hook } = await waitForHook(ground, messageHook(messageId, true))
      t.match(hook, { contactSource: mergee.sourceId, contact: { id: base.contactId } })
    }
  }
]
