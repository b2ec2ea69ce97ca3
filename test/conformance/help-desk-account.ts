/** Assumptions about what connecting makes in an account around the inbox, and takes away again. */
import { ICON } from '../../plugin/core/icon.ts'
import { begin, type Case, call, eventually, failure, incoming, run, unique } from './help-desk-ground.ts'

const ABOUT = 'made by a test, and removed by it'

export const ACCOUNT_CASES: Case[] = [
  {
    id: 'CW-ACCOUNT',
    says: 'the account tells its name and language',
    async play(t, { account, access }) {
      const facts = await account.readAccount(access)
      t.ok(facts.name, 'name')
      t.match(facts.locale, /^[a-z]{2}(_[A-Za-z]{2,4})?$/)
    }
  },
  {
    id: 'CW-INBOXES',
    says: 'inboxes are listed with their channel, hook address and attributes, those of other channels with their number',
    async play(t, { account, access, inbox }) {
      const listed = await account.listInboxes(access)
      t.match(
        listed.find(({ id }) => id === inbox.id),
        { name: inbox.name, channelType: 'Channel::Api', webhookUrl: inbox.webhookUrl, attributes: { puente: {} } }
      )
      const native = listed.filter(({ channelType }) => channelType === 'Channel::Whatsapp')
      for (const { phoneNumber } of native) t.match(phoneNumber, /^\+\d+$/)
    }
  },
  {
    id: 'CW-PICTURE',
    says: 'an inbox takes a picture as a form, and gives it back',
    async play(t, { account, access, inbox }) {
      const has = async () => (await account.listInboxes(access)).find(({ id }) => id === inbox.id)?.hasPicture
      t.equal(await has(), false)
      await account.setPicture(access, inbox.id, ICON)
      t.equal(await has(), true)
      await account.removePicture(access, inbox.id)
      t.equal(await has(), false)
    }
  },
  {
    id: 'CW-RELEASE',
    says: 'an inbox can be let go: without a hook address nothing is sent, and the keys of others stay',
    async play(t, ground) {
      const { desk, setup, access, receiver } = ground
      const made = await setup.createInbox(access, {
        name: unique('Released'),
        webhookUrl: receiver.url,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: run }
      })
      await setup.updateInbox(access, made.id, { attributes: { theirs: 1 } })
      await setup.releaseInbox(access, made.id)
      const released = await setup.readInbox(access, made.id)
      t.same(released.attributes, { theirs: 1 })
      t.notOk(released.webhookUrl, 'a hook address')
      const { conversationId, messageId } = await begin({ ...ground, inbox: made })
      t.equal((await desk.readMessage(access, conversationId, messageId))?.status, 'sent')
    }
  },
  {
    id: 'CW-FETCH-REFUSED',
    says: 'the desk can be asked to fetch an address, and says when it cannot',
    without: 'whether the desk reaches Puente is only seen by the private note',
    async play(t, { account, access, receiver }) {
      // Nothing is there: the desk keeps nothing.
      const address = `${new URL(receiver.url).origin}/nothing-here.png`
      t.equal(await account.fetchThrough(access, address), 'refused')
    }
  },
  {
    id: 'CW-DASHBOARD-APP',
    says: 'a dashboard app is made, found by its address, changed and removed',
    async play(t, { account, access }) {
      const [title, url, later] = [unique('App'), 'https://example.org/app/tab', 'https://example.org/later/tab']
      const id = await account.createApp(access, { title, url })
      const find = async () => (await account.listApps(access)).find(app => app.id === id)
      t.match(await find(), { name: title, urls: [url] })
      await account.updateApp(access, id, { title, url: later })
      t.same((await find())?.urls, [later])
      t.equal(await account.remove(access, 'dashboard_apps', id), true)
      t.equal(await account.remove(access, 'dashboard_apps', id), false, 'a second time')
      t.equal(await find(), undefined)
    }
  },
  {
    id: 'CW-ATTRIBUTE-DEFINITION',
    says: 'a conversation attribute is defined once and listed by its key: the same key again is refused',
    async play(t, { account, access }) {
      const attribute = { key: `${run}_date`, name: 'Conformance', about: ABOUT, type: 'date' } as const
      const id = await account.createAttribute(access, attribute)
      t.match(
        (await account.listAttributes(access)).find(each => each.id === id),
        { name: attribute.key, row: { attribute_display_type: 'date' } }
      )
      t.equal((await failure(account.createAttribute(access, attribute))).code, 'desk_invalid', 'again')
      t.equal(await account.remove(access, 'custom_attribute_definitions', id), true)
    }
  },
  {
    id: 'CW-FOLDER',
    says: 'a folder of one inbox is kept for the one who made it, for nobody else, and finds its conversations',
    async play(t, ground) {
      const { account, access, agent, hasAgent, inbox } = ground
      const id = await account.createFolder(access, { name: unique('Folder'), inboxId: inbox.id })
      const find = async (who: typeof access) => (await account.listFolders(who)).find(folder => folder.id === id)
      const folder = await find(access)
      t.match(folder?.row, { query: { payload: [{ attribute_key: 'inbox_id', values: [inbox.id] }] } })
      if (hasAgent) t.equal(await find(agent), undefined, 'for somebody else')
      const { conversationId } = await begin(ground)
      const found = await call(ground, access, 'POST', '/conversations/filter', folder?.row.query as object)
      t.ok(
        found.body?.payload?.some?.((each: { id: number }) => each.id === conversationId),
        'the conversation among what it finds'
      )
      t.equal(await account.remove(access, 'custom_filters', id), true)
    }
  },
  {
    id: 'CW-LABELS',
    says: 'a label is made once; conversations are found by it; those of a conversation are written whole',
    async play(t, ground) {
      const { account, access } = ground
      const label = { title: `${run}-label`, color: '#128c6e', description: ABOUT }
      const id = await account.createLabel(access, label)
      t.equal((await account.listLabels(access)).find(each => each.id === id)?.name, label.title)
      t.equal((await failure(account.createLabel(access, label))).code, 'desk_invalid', 'again')
      t.equal(await account.hasLabelled(access, label.title), false)
      const { conversationId } = await begin(ground)
      const path = `/conversations/${conversationId}/labels`
      await call(ground, access, 'POST', path, { labels: [label.title] })
      t.same((await call(ground, access, 'GET', path)).body?.payload, [label.title])
      t.equal(await account.hasLabelled(access, label.title), true)
      await call(ground, access, 'POST', path, { labels: [] })
      t.same((await call(ground, access, 'GET', path)).body?.payload, [])
    }
  },
  {
    id: 'CW-RULE',
    says: 'an automation rule for one inbox labels each of its new conversations',
    async play(t, ground) {
      const { account, access, inbox } = ground
      const label = `${run}-rule`
      await account.createLabel(access, { title: label, color: '#128c6e', description: ABOUT })
      const id = await account.createRule(access, { name: unique('Rule'), about: ABOUT, inboxId: inbox.id, label })
      t.match((await account.listRules(access)).find(rule => rule.id === id)?.row, {
        event_name: 'conversation_created',
        active: true,
        conditions: [{ attribute_key: 'inbox_id', values: [inbox.id] }],
        actions: [{ action_name: 'add_label', action_params: [label] }]
      })
      const { conversationId } = await begin(ground)
      const path = `/conversations/${conversationId}/labels`
      const labelled = async () => (await call(ground, access, 'GET', path)).body?.payload?.includes(label)
      await eventually(ground, labelled, 'the label of the rule')
      t.equal(await account.remove(access, 'automation_rules', id), true)
    }
  },
  {
    id: 'CW-INBOX-EMPTY',
    says: 'whether an inbox holds any conversation is told, whatever their status',
    async play(t, ground) {
      const { account, setup, access, receiver } = ground
      const inbox = await setup.createInbox(access, {
        name: unique('Empty'),
        webhookUrl: receiver.url,
        windowMessage: '24 h',
        marker: { phoneNumberId: unique('number'), installation: run }
      })
      t.equal(await account.hasConversations(access, inbox.id), false)
      const { conversationId } = await begin({ ...ground, inbox }, incoming('una'))
      await call(ground, access, 'POST', `/conversations/${conversationId}/toggle_status`, { status: 'resolved' })
      t.equal(await account.hasConversations(access, inbox.id), true)
    }
  }
]
