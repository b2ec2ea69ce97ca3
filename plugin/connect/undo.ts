/**
 * Disconnecting: undoes what connecting made, in the opposite order, and keeps the history. An inbox that holds
 * conversations stays in the desk with its members, without hook and mark; one that holds none goes. What other numbers
 * of the same account or app still need stays until the last of them goes.
 */
import type { Connections, KnownNumber } from '../../adapters/postgres/connections.ts'
import { listSubscribedApps, readNumberDetails, setNumberWebhook } from '../../adapters/whatsapp-cloud/management.ts'
import {
  readAppSubscription,
  removeAppSubscription,
  unsubscribeApp
} from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { attempt } from '../checks/read.ts'
import { PuenteError } from '../core/errors.ts'
import type { Numbers } from '../core/ports/store.ts'
import { readManifest } from '../manifest.ts'
import type { Ground } from './ground.ts'

export interface UndoDeps {
  numbers: Numbers
  connections: Connections
  installation: string
  /** Goes on when a side cannot be reached, and says what is left to do by hand. */
  force?: boolean
  step?: (text: string) => void
}

export interface Undone {
  did: string[]
  /** What could not be undone, with what to do by hand. Empty unless forced. */
  left: string[]
}

interface Undo {
  /** What it did, or null when there was nothing to undo. */
  run(): Promise<string | null>
  byHand: string
}

/** Before anything is undone: halfway the number would hear nothing, and the desk would not know. */
async function needAdministratorToUndo(ground: Ground): Promise<void> {
  const profile = await ground.setup.readProfile(ground.desk)
  if (profile.administrator) return
  const problems = `the token of Chatwoot is ${profile.name}'s, an agent: run puente connect with an administrator's token, then disconnect again; or say --force and undo Chatwoot's side by hand. Nothing was changed`
  throw new PuenteError('config_invalid', { facts: { problems } })
}

/** Fails with the first error (nothing is lost; run again), unless forced. */
export async function disconnectNumber(ground: Ground, number: KnownNumber, deps: UndoDeps): Promise<Undone> {
  const all = await deps.connections.all()
  const others = all.filter(each => each.connected && each.id !== number.id)
  if (deps.force !== true) await needAdministratorToUndo(ground)
  const undone: Undone = { did: [], left: [] }
  // Puente runs meanwhile, and must not mend what is being taken apart.
  await deps.connections.noteMade(number.id, { leaving: new Date().toISOString() })
  for (const undo of listUndos(ground, number, others, all, deps)) {
    const result = await attempt(undo.run)
    if (result.ok) {
      if (result.value === null) continue
      undone.did.push(result.value)
      deps.step?.(result.value)
      continue
    }
    if (deps.force !== true) {
      await deps.connections.noteMade(number.id, { leaving: null })
      throw result.error
    }
    undone.left.push(undo.byHand)
  }
  await deps.numbers.disconnect(number.id)
  await deps.connections.noteMade(number.id, { leaving: null })
  await deps.connections.forgetSecrets(number.id)
  undone.did.push('tokens forgotten; the history stays')
  return undone
}

function listUndos(
  ground: Ground,
  number: KnownNumber,
  others: KnownNumber[],
  all: KnownNumber[],
  deps: UndoDeps
): Undo[] {
  const { account, setup, desk, graph, graphAccess } = ground
  const sameDesk = others.filter(each => each.deskId === number.deskId)
  const { made, deskMade } = number
  // Whichever number made it: the last one takes it away.
  const ever = (key: string, same: (each: KnownNumber) => boolean): boolean =>
    all.some(each => same(each) && each.made[key] !== undefined)
  const note = (key: string): Promise<void> => deps.connections.noteMade(number.id, { [key]: null })
  const noteDesk = (key: string): Promise<void> => deps.connections.noteDeskMade(number.deskId, { [key]: null })
  const idOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
  const inboxGone = (error: unknown): boolean =>
    error instanceof PuenteError && (error.code === 'desk_inbox_gone' || error.code === 'desk_not_found')

  return [
    {
      byHand:
        'At Meta: clear the callback override of the number (POST /PHONE_NUMBER_ID with an empty override_callback_uri).',
      async run() {
        const details = await readNumberDetails(graph, graphAccess, number.phoneNumberId)
        const { number: url } = details.webhooks
        if (url === undefined || (url !== made['callback'] && url !== ground.callbackUrl)) return null
        await setNumberWebhook(graph, graphAccess, number.phoneNumberId, null)
        await note('callback')
        return "Meta no longer sends the number's webhooks here"
      }
    },
    {
      byHand: 'At Meta: take the app off the WhatsApp account (DELETE /WABA_ID/subscribed_apps).',
      async run() {
        const same = (each: KnownNumber): boolean => each.wabaId === number.wabaId
        if (others.some(same) || !ever('subscribed', same)) return null
        const apps = await listSubscribedApps(graph, graphAccess, number.wabaId)
        if (number.appId !== null && !apps.some(app => app.id === number.appId)) return null
        await unsubscribeApp(graph, graphAccess, number.wabaId)
        for (const each of all.filter(same)) await deps.connections.noteMade(each.id, { subscribed: null })
        return 'the app no longer listens to the WhatsApp account'
      }
    },
    {
      byHand: "At Meta: remove the app's webhook for WhatsApp accounts in its dashboard.",
      async run() {
        const same = (each: KnownNumber): boolean => each.appId === number.appId
        const secret = graphAccess.appSecret
        if (number.appId === null || secret === undefined || others.some(same) || !ever('appWebhook', same)) return null
        const app = { id: number.appId, secret }
        const current = await readAppSubscription(graph, graphAccess, app)
        const ours = all.filter(same).map(each => each.made['appWebhookUrl'])
        if (current === null || !ours.includes(current.callbackUrl)) return null
        await removeAppSubscription(graph, graphAccess, app)
        for (const each of all.filter(same)) {
          await deps.connections.noteMade(each.id, { appWebhook: null, appWebhookUrl: null })
        }
        return "the app's own webhook is removed"
      }
    },
    {
      byHand: 'In Chatwoot: delete the automation rule that labels the inbox (Settings, Automation).',
      async run() {
        const id = idOf(made['rule'])
        if (id === null) return null
        const removed = await account.remove(desk, 'automation_rules', id)
        await note('rule')
        return removed ? 'the rule that labels conversations is removed' : null
      }
    },
    {
      byHand: 'In Chatwoot: delete the folder whatsapp in the sidebar.',
      async run() {
        const id = idOf(made['folder'])
        if (id === null) return null
        const removed = await account.remove(desk, 'custom_filters', id)
        await note('folder')
        return removed ? 'the folder is removed' : null
      }
    },
    {
      byHand: 'In Chatwoot: delete the dashboard app WhatsApp (Settings, Integrations, Dashboard apps).',
      async run() {
        const id = idOf(deskMade['app'])
        if (id === null || sameDesk.length > 0) return null
        const removed = await account.remove(desk, 'dashboard_apps', id)
        await noteDesk('app')
        return removed ? 'the dashboard app is removed' : null
      }
    },
    {
      byHand:
        'In Chatwoot: delete the conversation attributes of WhatsApp and the contact attribute wa_write (Settings, Custom attributes).',
      async run() {
        const ids = Object.values((deskMade['attributes'] ?? {}) as Record<string, unknown>).map(idOf)
        if (ids.length === 0 || sameDesk.length > 0) return null
        for (const id of ids) if (id !== null) await account.remove(desk, 'custom_attribute_definitions', id)
        await noteDesk('attributes')
        return 'the definitions of the attributes are removed; their values stay'
      }
    },
    {
      byHand: `In Chatwoot: clear the webhook URL of inbox ${number.inboxId}, or delete the inbox.`,
      async run() {
        const found = await attempt(() => setup.readInbox(desk, number.inboxId))
        if (!found.ok) {
          if (inboxGone(found.error)) return null
          throw found.error
        }
        const { marker } = found.value
        // Somebody else has taken the inbox over.
        if (marker !== null && marker.installation !== deps.installation) return null
        if (await account.hasConversations(desk, number.inboxId)) {
          if (made['picture'] === true) await account.removePicture(desk, number.inboxId)
          await setup.releaseInbox(desk, number.inboxId)
          await note('picture')
          return `inbox ${number.inboxId} keeps its conversations, and no longer leads to WhatsApp`
        }
        await account.remove(desk, 'inboxes', number.inboxId)
        for (const key of ['picture', 'members']) await note(key)
        return `inbox ${number.inboxId}, which held no conversation, is removed`
      }
    },
    {
      byHand: 'In Chatwoot: delete the label whatsapp if you do not need it.',
      async run() {
        const id = idOf(deskMade['label'])
        if (id === null || sameDesk.length > 0) return null
        // Deleting a label takes it off the conversations that carry it: that would be their history.
        if (await account.hasLabelled(desk, readManifest().offers.label.title)) return null
        const removed = await account.remove(desk, 'labels', id)
        await noteDesk('label')
        return removed ? 'the label is removed' : null
      }
    }
  ]
}
