/** How users, contacts and files look (contract §2, §5.2, §7): the parts that messages and conversations are built of. */
import { epoch } from './json.ts'
import type { Attachment, Contact, ContactCache, Hash, Inbox, Message, User } from './records.ts'
import type { Store } from './store.ts'

/** Requests see agents as offline; background jobs see no presence at all. */
export type Seen = 'web' | 'background'

export interface PeopleShapes {
  accountRef: Hash
  inboxSlim(inbox: Inbox): Hash
  agent(user: User): Hash
  findUser(id: number | null): User | undefined
  userWebhook(user: User): Hash
  userPush(user: User, seen: Seen): Hash
  /** The contact of contact endpoints and of an API conversation's `meta.sender`. */
  contact(contact: Contact, withInboxes?: boolean): Hash
  /** Its two event shapes, made once per change. */
  contactCache(contact: Contact): ContactCache
  attachments(message: Message): Hash[]
}

export function createPeopleShapes(store: Store, baseUrl: () => string): PeopleShapes {
  const accountRef = { id: store.account.id, name: store.account.name }
  const pushByUser = new Map<string, Hash>()

  function userPush(user: User, seen: Seen): Hash {
    const key = `${user.id}${seen}`
    let shape = pushByUser.get(key)
    if (!shape) {
      shape = {
        id: user.id,
        name: user.name,
        available_name: user.name,
        avatar_url: '',
        type: 'user',
        availability_status: seen === 'web' ? 'offline' : null,
        thumbnail: ''
      }
      pushByUser.set(key, shape)
    }
    return shape
  }

  const userWebhook = (user: User) => ({ id: user.id, name: user.name, email: user.email, type: 'user' })
  const findUser = (id: number | null) => (id === null ? undefined : store.users.find(user => user.id === id))

  function contactCache(contact: Contact) {
    if (contact.cache) return contact.cache
    const push = {
      additional_attributes: contact.additional,
      custom_attributes: contact.custom,
      email: contact.email,
      id: contact.id,
      identifier: contact.identifier,
      name: contact.name,
      phone_number: contact.phone,
      thumbnail: '',
      blocked: contact.blocked,
      type: 'contact'
    }
    const webhook = {
      account: accountRef,
      additional_attributes: contact.additional,
      avatar: '',
      custom_attributes: contact.custom,
      email: contact.email,
      id: contact.id,
      identifier: contact.identifier,
      name: contact.name,
      phone_number: contact.phone,
      thumbnail: '',
      blocked: contact.blocked
    }
    return (contact.cache = { push, webhook })
  }

  function inboxSlim(inbox: Inbox): Hash {
    return {
      id: inbox.id,
      avatar_url: '',
      channel_id: inbox.channelId,
      name: inbox.name,
      channel_type: 'Channel::Api',
      provider: null
    }
  }

  function contact(row: Contact, withInboxes = false): Hash {
    const shape: Hash = {
      additional_attributes: row.additional,
      availability_status: 'offline',
      email: row.email,
      id: row.id,
      name: row.name,
      phone_number: row.phone,
      blocked: row.blocked,
      identifier: row.identifier,
      thumbnail: '',
      custom_attributes: row.custom
    }
    if (row.lastActivityAt !== null) shape['last_activity_at'] = epoch(row.lastActivityAt)
    shape['created_at'] = epoch(row.createdAt)
    if (withInboxes) {
      shape['contact_inboxes'] = row.contactInboxIds.flatMap(id => {
        const link = store.contactInboxes.get(id)
        const inbox = link && store.inboxes.get(link.inboxId)
        return link && inbox ? [{ source_id: link.sourceId, inbox: inboxSlim(inbox) }] : []
      })
    }
    return shape
  }

  function attachmentShape(attachment: Attachment, messageId: number): Hash {
    const blob = store.blobs.get(attachment.blobId)
    const name = encodeURIComponent(blob?.filename ?? 'file')
    const path = `${blob?.signedId}/${name}`
    const audio = attachment.fileType === 'audio'
    const dot = blob ? blob.filename.lastIndexOf('.') : -1
    const shape: Hash = {
      id: attachment.id,
      message_id: messageId,
      file_type: attachment.fileType,
      account_id: store.account.id,
      extension: blob && dot > 0 ? blob.filename.slice(dot + 1) : null,
      content_type: blob?.contentType ?? null,
      data_url: `${baseUrl()}/rails/active_storage/blobs/redirect/${path}${audio ? '?disposition=inline' : ''}`,
      thumb_url:
        attachment.fileType === 'image'
          ? `${baseUrl()}/rails/active_storage/representations/redirect/${blob?.signedId}/${blob?.signedId}/${name}`
          : '',
      file_size: blob?.size ?? null,
      width: null,
      height: null
    }
    if (audio) shape['transcribed_text'] = ''
    return shape
  }

  const attachments = (message: Message) => (message.attachments ?? []).map(row => attachmentShape(row, message.id))

  function agent(user: User): Hash {
    return {
      id: user.id,
      account_id: store.account.id,
      availability_status: 'offline',
      auto_offline: true,
      confirmed: true,
      email: user.email,
      provider: 'email',
      available_name: user.name,
      name: user.name,
      role: user.role,
      thumbnail: '',
      custom_role_id: user.customRoleId ?? null
    }
  }

  return { accountRef, inboxSlim, agent, findUser, userWebhook, userPush, contact, contactCache, attachments }
}
