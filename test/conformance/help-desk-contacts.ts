/** Assumptions about the desk itself, its inboxes and contacts. */
import { begin, type Case, call, failure, unique, uniquePhone } from './help-desk-ground.ts'

export const CONTACTS_CASES: Case[] = [
  {
    id: 'CW-VERSION',
    says: 'the version is told without a token',
    async play(t, { setup, access }) {
      t.match(await setup.readVersion(access.url), /^\d+\.\d+\.\d+/)
    }
  },
  {
    id: 'CW-HEADER',
    says: 'the header api-access-token is enough, and a wrong token is refused',
    async play(t, { setup, access }) {
      const profile = await setup.readProfile(access)
      t.ok(profile.administrator)
      t.equal((await failure(setup.readProfile({ ...access, token: 'wrong' }))).code, 'desk_unauthorized')
    }
  },
  {
    id: 'CW-INBOX',
    says: 'an inbox is found again by its marker, keeps what we write, and shows its secret to administrators only',
    async play(t, { setup, access, agent, inbox }) {
      t.equal((await setup.findInbox(access, inbox.marker!))?.id, inbox.id)
      t.equal(inbox.attributes.agent_reply_time_window, 24)
      const before = await setup.updateInbox(access, inbox.id, { attributes: { other: 1 } })
      const after = await setup.updateInbox(access, inbox.id, { attributes: { more: 2 } })
      t.equal(before.attributes.other, 1)
      t.match(after.attributes, { other: 1, more: 2, puente: inbox.marker })
      t.equal(after.secret, inbox.secret)
      const seen = await setup.readInbox(agent, inbox.id)
      t.equal(seen.secret, null)
      t.same(seen.marker, inbox.marker)
    }
  },
  {
    id: 'CW-INBOX-GONE',
    says: 'an unknown inbox is told apart from an unknown contact',
    async play(t, { desk, access, inbox, setup }) {
      t.equal((await failure(setup.readInbox(access, 999_999))).code, 'desk_inbox_gone')
      const nowhere = { inboxId: 999_999, sourceId: unique('src'), name: 'x' }
      t.equal((await failure(desk.createContact(access, nowhere))).code, 'desk_inbox_gone')
      t.equal((await failure(desk.findContactBySource(access, 999_999, 'x'))).code, 'desk_inbox_gone')
      const nobody = { inboxId: inbox.id, contactId: 999_999, sourceId: unique('src') }
      t.match(await failure(desk.createConversation(access, nobody)), {
        code: 'desk_not_found',
        facts: { what: 'contact' }
      })
    }
  },
  {
    id: 'CW-CONTACT',
    says: 'a contact is found by source id, phone and identifier, exactly',
    async play(t, { desk, access, inbox }) {
      const phone = uniquePhone()
      const contact = { inboxId: inbox.id, sourceId: unique('src'), name: 'Ana Ñ', phone, identifier: unique('wa:ES') }
      const { contactId } = await desk.createContact(access, { ...contact, username: 'ana' })
      const found = await desk.findContactBySource(access, inbox.id, contact.sourceId)
      t.match(found, { id: contactId, name: 'Ana Ñ', phone, identifier: contact.identifier })
      t.match(found?.additionalAttributes, { social_profiles: { whatsapp: 'ana' } })
      const matches = [
        { key: 'phone_number', values: ['+34600000000', phone] },
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
      const { contactId } = await desk.createContact(access, { inboxId: inbox.id, sourceId, name: 'Only a name' })
      t.equal((await desk.findContactBySource(access, inbox.id, sourceId))?.id, contactId)
    }
  },
  {
    id: 'CW-TAKEN',
    says: 'a taken phone or identifier says so; a taken source id is an unexplained fault; a bad phone is invalid',
    async play(t, { desk, access, inbox }) {
      const phone = uniquePhone()
      const first = { inboxId: inbox.id, sourceId: unique('src'), name: 'x', phone, identifier: unique('wa:ES') }
      await desk.createContact(access, first)
      const other = () => ({ inboxId: inbox.id, sourceId: unique('src'), name: 'x' })
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
      await desk.updateContact(access, contactId, { name: 'Ana B.', phone: uniquePhone(), username: 'ana.b' })
      const contact = await desk.findContactBySource(access, inbox.id, sourceId)
      t.equal(contact?.name, 'Ana B.')
      t.match(contact?.attributes, { vip: true })
      t.match(contact?.additionalAttributes, { social_profiles: { facebook: 'ana', whatsapp: 'ana.b' } })
      t.equal((await failure(desk.updateContact(access, 999_999, { name: 'x' }))).code, 'desk_not_found')
    }
  }
]
