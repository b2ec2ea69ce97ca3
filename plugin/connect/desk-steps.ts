/** The steps in the desk: inbox, members, picture, attributes, label, rule, folder, dashboard app. Each may be repeated. */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { DeskInbox } from '../../adapters/chatwoot/setup.ts'
import { isRuleFor, labelsInbox } from '../checks/label-rule.ts'
import { valueOr } from '../checks/read.ts'
import { PuenteError } from '../core/errors.ts'
import { ICON } from '../core/icon.ts'
import { windowBanner } from '../core/texts/describe.ts'
import { text } from '../core/texts/text.ts'
import { readManifest } from '../manifest.ts'
import { hookUrl } from './survey.ts'
import { makeOnce, noteDeskMade, noteMade, type Step, type Work } from './work.ts'

/** WhatsApp's customer service window, by which the desk locks its editor. */
const WINDOW_HOURS = 24

/** Finds our inbox by what we know, by its mark, or makes it; then sets what differs. Fills `work.inbox`. */
export const inboxStep: Step = {
  id: 'inbox',
  async run(work) {
    const { ground, survey, deps } = work
    const marker = { phoneNumberId: ground.plan.whatsapp.phoneNumberId, installation: deps.installation }
    const number = valueOr(survey.whatsapp.number, null)
    const found = (await findKnownInbox(work)) ?? (await ground.setup.findInbox(ground.desk, marker))
    // A begun connecting left its key in the hook's address.
    const key = found === null ? null : keyOf(found.webhookUrl, ground.base)
    work.inboxKey = survey.known?.inboxKey ?? key ?? randomBytes(18).toString('base64url')
    const webhookUrl = hookUrl(ground.base, work.inboxKey)
    const windowMessage = windowBanner(survey.locale)
    if (found === null) {
      const name = `WhatsApp ${number?.verifiedName ?? number?.displayPhoneNumber ?? ''}`.trim()
      work.inbox = await ground.setup.createInbox(ground.desk, { name, webhookUrl, windowMessage, marker })
      return `inbox ${work.inbox.id} (${name}) made`
    }
    const attributes = {
      agent_reply_time_window: WINDOW_HOURS,
      agent_reply_time_window_message: windowMessage,
      puente: marker
    }
    work.inbox = await ground.setup.updateInbox(ground.desk, found.id, { webhookUrl, attributes })
    const same = isDeepStrictEqual([found.webhookUrl, found.attributes], [work.inbox.webhookUrl, work.inbox.attributes])
    return same ? null : `inbox ${found.id} brought up to date`
  }
}

/** With a member's token: as it is, and with the signing secret that we know, which members are not shown. */
export const keptInboxStep: Step = {
  id: 'inbox',
  async run(work) {
    const { ground, survey, deps } = work
    const { inboxId, inboxKey } = survey.known!
    const inbox = await ground.setup.readInbox(ground.desk, inboxId)
    const { numbers } = await deps.numbers.list()
    const stored = numbers.find(each => each.phoneNumberId === ground.plan.whatsapp.phoneNumberId)
    work.inboxKey = inboxKey
    work.inbox = { ...inbox, secret: inbox.secret ?? stored?.hookSecret ?? null }
    return null
  }
}

/** The inbox of before, also after a disconnect took the mark off it: its history goes on. */
async function findKnownInbox({ ground, survey, deps }: Work): Promise<DeskInbox | null> {
  const { known } = survey
  const { url, accountId } = ground.desk
  if (known === null || known.deskUrl !== url || known.accountId !== accountId) return null
  const listed = valueOr(survey.desk.inboxes, []).find(each => each.id === known.inboxId)
  if (listed?.channelType !== 'Channel::Api') return null
  const inbox = await ground.setup.readInbox(ground.desk, known.inboxId)
  const others = inbox.marker !== null && inbox.marker.installation !== deps.installation
  return others ? null : inbox
}

function keyOf(url: string | null, base: string): string | null {
  const start = hookUrl(base, '')
  return url?.startsWith(start) === true && url.length > start.length ? url.slice(start.length) : null
}

/** Everybody who may answer becomes a member once; who is taken out later stays out. */
export const membersStep: Step = {
  id: 'members',
  async run(work) {
    const { ground, made, inbox } = work
    if (made['members'] !== undefined) return null
    const agents = await ground.setup.listAgents(ground.desk)
    const ids = agents.map(agent => agent.id)
    await ground.setup.addMembers(ground.desk, inbox.id, ids)
    await noteMade(work, { members: ids })
    return `${ids.length} agents are members of the inbox`
  }
}

export const pictureStep: Step = {
  id: 'picture',
  async run(work) {
    const { ground, inbox, made } = work
    const listed = valueOr(work.survey.desk.inboxes, []).find(each => each.id === inbox.id)
    if (listed?.hasPicture === true || made['picture'] === true) return null
    await ground.account.setPicture(ground.desk, inbox.id, ICON)
    await noteMade(work, { picture: true })
    return 'the inbox has a picture'
  }
}

/** Which attributes of conversations and contacts the sidebar shows, named in the language of the account. */
export const attributesStep: Step = {
  id: 'attributes',
  async run(work) {
    const { ground, survey } = work
    const { attributes, contactLink } = readManifest().offers
    const [ofConversations, ofContacts] = await Promise.all([
      ground.account.listAttributes(ground.desk),
      ground.account.listAttributes(ground.desk, 'contact')
    ])
    const fresh: string[] = []
    const wanted = [
      ...attributes.map(each => ({ ...each, of: 'conversation' as const })),
      { ...contactLink, type: 'link' as const, of: 'contact' as const }
    ]
    for (const { key, type, name, about, of } of wanted) {
      const existing = of === 'contact' ? ofContacts : ofConversations
      const noted = recordOf(work.deskMade['attributes'])
      const { isNew } = await makeOnce(
        existing.find(each => each.name === key)?.id ?? null,
        noted[key],
        value => noteDeskMade(work, { attributes: { ...recordOf(work.deskMade['attributes']), [key]: value } }),
        () => ground.account.createAttribute(ground.desk, { key, type, name: name[survey.locale], about, of })
      )
      if (isNew) fresh.push(key)
    }
    return fresh.length === 0 ? null : `attributes defined: ${fresh.join(', ')}`
  }
}

export const labelStep: Step = {
  id: 'label',
  async run(work) {
    const { ground, survey, deskMade } = work
    const { title, color } = readManifest().offers.label
    const labels = await ground.account.listLabels(ground.desk)
    const { isNew } = await makeOnce(
      labels.find(each => each.name === title)?.id ?? null,
      deskMade['label'],
      value => noteDeskMade(work, { label: value }),
      () => {
        const description = text(survey.locale, 'connect.label_about')
        return ground.account.createLabel(ground.desk, { title, color, description })
      }
    )
    return isNew ? `label ${title} made` : null
  }
}

/** Labels each new conversation of the inbox, so that everybody can filter by it: folders are seen by their maker only. */
export const ruleStep: Step = {
  id: 'rule',
  async run(work) {
    const { ground, inbox, made } = work
    const label = readManifest().offers.label.title
    const rules = await ground.account.listRules(ground.desk)
    const found = rules.find(({ row }) => labelsInbox(row, inbox.id, label))
    const resting = rules.find(({ id, row }) => id === made['rule'] && isRuleFor(row, inbox.id, label))
    if (found === undefined && resting !== undefined) {
      await ground.account.enableRule(ground.desk, resting.id)
      return `the rule that labels the inbox ${label} is switched on again`
    }
    const { isNew } = await makeOnce(
      found?.id ?? null,
      made['rule'],
      value => noteMade(work, { rule: value }),
      () => {
        const about = text(work.survey.locale, 'connect.label_about')
        const name = `${label}: ${inbox.name}`.slice(0, 200)
        return ground.account.createRule(ground.desk, { name, about, inboxId: inbox.id, label })
      }
    )
    return isNew ? `a rule labels every conversation of the inbox ${label}` : null
  }
}

export const folderStep: Step = {
  id: 'folder',
  async run(work) {
    const { ground, inbox, made } = work
    const { name } = readManifest().offers.folder
    const folders = await ground.account.listFolders(ground.desk)
    const found = folders.find(folder => isFolderOf(folder.row, inbox.id))
    const { isNew } = await makeOnce(
      found?.id ?? null,
      made['folder'],
      value => noteMade(work, { folder: value }),
      () => {
        // A second number's folder needs a name of its own to be told apart.
        const taken = folders.some(folder => folder.name === name)
        const shown = taken ? `${name} ${work.number.displayPhoneNumber}` : name
        return ground.account.createFolder(ground.desk, { name: shown, inboxId: inbox.id })
      }
    )
    return isNew ? `folder ${name} made (visible to the owner of the token)` : null
  }
}

function isFolderOf(row: Readonly<Record<string, unknown>>, inboxId: number): boolean {
  const payload = recordOf(row['query'])['payload']
  const conditions = Array.isArray(payload) ? payload.map(recordOf) : []
  const [only] = conditions
  const values = only?.['values']
  return (
    conditions.length === 1 &&
    only?.['attribute_key'] === 'inbox_id' &&
    Array.isArray(values) &&
    values.map(String).join() === String(inboxId)
  )
}

/** One for the whole account, whatever the number of numbers. */
export const appStep: Step = {
  id: 'app',
  async run(work) {
    const { ground, deskMade } = work
    const { title, path } = readManifest().offers.dashboardApp
    const url = `${ground.base}${path}`
    const apps = await ground.account.listApps(ground.desk)
    const found = apps.find(app => app.urls.includes(url)) ?? apps.find(app => app.id === deskMade['app'])
    if (found !== undefined && !found.urls.includes(url)) {
      await ground.account.updateApp(ground.desk, found.id, { title, url })
      return `dashboard app ${title} leads to the new address`
    }
    const { isNew } = await makeOnce(
      found?.id ?? null,
      deskMade['app'],
      value => noteDeskMade(work, { app: value }),
      () => ground.account.createApp(ground.desk, { title, url })
    )
    return isNew ? `dashboard app ${title} made` : null
  }
}

/** A hook secret exists from 4.13 on, and only administrators see it. */
export function needAdministrator(work: Work): void {
  const profile = valueOr(work.survey.desk.profile, null)
  if (profile !== null && !profile.administrator) {
    throw new PuenteError('desk_forbidden', { facts: { needs: 'an administrator of the account' } })
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
