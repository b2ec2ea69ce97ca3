/**
 * Looks after what people change in the desk's settings, for which Chatwoot sends no hook: the inbox's hook address,
 * reply window and its banner, mark and signing secret, its deletion; version and rights. One call per desk and beat, two more an hour.
 * Mends what an administrator's token may mend, says it, and keeps the rest for the doctor.
 */
import type { Bridge } from './bridge.ts'
import { callDesk } from './desk/call.ts'
import { PRIORITY } from './desk/permits.ts'
import { asPuenteError } from './errors.ts'
import { GateClosed } from './lanes/hold.ts'
import type { DeskSettings, InboxSettings } from './ports/desk-settings.ts'
import type { DeskRecord } from './ports/store.ts'
import type { ServedNumber } from './registry.ts'
import { RULES } from './rules.ts'
import { windowBanner } from './texts/describe.ts'

export interface DeskWatch {
  /** One look at every desk; answers what was mended. */
  run(): Promise<{ mended: number }>
  /** A hook came with a wrong signature: the secret may have been changed. At most one look a minute. */
  hookRefused(number: ServedNumber): Promise<void>
}

export interface DeskWatchDeps {
  bridge: Bridge
  settings: DeskSettings
  installation: string
}

/** Version and rights change seldom. */
const FACTS_EVERY_MS = 3_600_000
const REFUSALS_EVERY_MS = 60_000

export interface InboxVerdict {
  /** Where the hooks come to us, when they do. */
  hookUrl?: string
  /** Changed by a person, taken over by us (CW-SECRET-RESET). */
  hookSecret?: string
  /** What is not as it must be, and what to write where it may be mended. */
  wrong: {
    what: 'hook_url' | 'window' | 'banner' | 'marker' | 'taken'
    webhookUrl?: string
    attributes?: Record<string, unknown>
  }[]
}

/** How an inbox of ours stands. Pure. */
export function judgeInbox(number: ServedNumber, inbox: InboxSettings, installation: string): InboxVerdict {
  const verdict: InboxVerdict = { wrong: [] }
  if (inbox.marker !== null && inbox.marker.installation !== installation) {
    // Somebody connected it to another Puente: two that put each other right would never end.
    verdict.wrong.push({ what: 'taken' })
    return verdict
  }
  if (inbox.secret !== null && inbox.secret !== number.hookSecret) verdict.hookSecret = inbox.secret
  if (inbox.webhookUrl?.endsWith(`/webhooks/chatwoot/${number.inboxKey}`) === true) verdict.hookUrl = inbox.webhookUrl
  else verdict.wrong.push({ what: 'hook_url', ...(number.hookUrl === null ? {} : { webhookUrl: number.hookUrl }) })
  if (Number(inbox.attributes['agent_reply_time_window']) !== RULES.windowHours.value) {
    verdict.wrong.push({ what: 'window', attributes: { agent_reply_time_window: RULES.windowHours.value } })
  }
  // Over the closed editor; without it nobody knows why they may not write.
  const banner = windowBanner(number.language)
  if (inbox.attributes['agent_reply_time_window_message'] !== banner) {
    verdict.wrong.push({ what: 'banner', attributes: { agent_reply_time_window_message: banner } })
  }
  if (inbox.marker === null || inbox.marker.phoneNumberId !== number.phoneNumberId) {
    const puente = { phoneNumberId: number.phoneNumberId, installation }
    verdict.wrong.push({ what: 'marker', attributes: { puente } })
  }
  return verdict
}

export function createDeskWatch({ bridge, settings, installation }: DeskWatchDeps): DeskWatch {
  const factsAt = new Map<number, { atMs: number; token: string }>()
  const refusedAt = new Map<number, number>()

  const ask = <T>(
    desk: DeskRecord,
    run: (access: ServedNumber['deskAccess']) => Promise<T>,
    more: { mayBeRefused?: true } = {}
  ): Promise<T> =>
    callDesk(bridge, {
      ...more,
      deskId: desk.id,
      access: { url: desk.url, accountId: desk.accountId, token: desk.token },
      priority: PRIORITY.backfill,
      run
    })

  const readFacts = async (desk: DeskRecord): Promise<void> => {
    const known = factsAt.get(desk.id)
    const nowMs = bridge.clock.monotonicMs()
    const fresh = known !== undefined && known.token === desk.token && nowMs - known.atMs < FACTS_EVERY_MS
    if (fresh && desk.role !== null) return
    // The version is told to anybody: asked first, a revoked token would pass for well again.
    const { administrator } = await ask(desk, access => settings.readProfile(access))
    const version = await ask(desk, access => settings.readVersion(access.url))
    desk.version = version
    desk.role = administrator ? 'administrator' : 'agent'
    await bridge.numbers.saveDeskFacts(desk.id, { version, role: desk.role })
    factsAt.set(desk.id, { atMs: nowMs, token: desk.token })
  }

  const lookAtDesk = async (desk: DeskRecord): Promise<number> => {
    const numbers = bridge.registry.numbers().filter(number => number.deskId === desk.id)
    if (numbers.length === 0) return 0
    await readFacts(desk)
    const inboxes = await ask(desk, access => settings.listInboxes(access))
    let mended = 0
    for (const number of numbers) {
      const inbox = inboxes.find(candidate => candidate.id === number.inboxId) ?? (await readMissing(desk, number))
      if (inbox === 'gone') await tellGone(number)
      else if (inbox === 'hidden') await keepTrouble(number, ['hidden'])
      else mended += await lookAtInbox(desk, number, inbox)
    }
    return mended
  }

  /** Not in the list: deleted, or the token's owner is no member of it. */
  const readMissing = async (desk: DeskRecord, number: ServedNumber): Promise<InboxSettings | 'gone' | 'hidden'> => {
    try {
      return await ask(desk, access => settings.readInbox(access, number.inboxId), { mayBeRefused: true })
    } catch (thrown) {
      const error = asPuenteError(thrown)
      if (error.code === 'desk_inbox_gone') return 'gone'
      if (error.code === 'desk_forbidden') return 'hidden'
      throw thrown
    }
  }

  const tellGone = async (number: ServedNumber): Promise<void> => {
    if (number.pausedCode !== 'desk_inbox_gone') {
      number.pausedCode = 'desk_inbox_gone'
      bridge.log.error({ number: number.id, inbox: number.inboxId }, 'the inbox was deleted in the desk')
      await bridge.numbers.pauseNumber(number.id, 'desk_inbox_gone', { inbox: number.inboxId })
    }
    await keepTrouble(number, ['gone'])
  }

  const lookAtInbox = async (desk: DeskRecord, number: ServedNumber, inbox: InboxSettings): Promise<number> => {
    const verdict = judgeInbox(number, inbox, installation)
    // What is known of the numbers may be seconds old; a command may be taking this one apart.
    if (verdict.wrong.length > 0 && !(await bridge.numbers.isStaying(number.id))) return 0
    let mended = 0
    if (verdict.hookSecret !== undefined) {
      number.hookSecret = verdict.hookSecret
      await bridge.numbers.saveInbox(number.id, { hookSecret: verdict.hookSecret })
      await tellMended(number, 'hook_secret')
      mended++
    }
    if (verdict.hookUrl !== undefined && verdict.hookUrl !== number.hookUrl) {
      number.hookUrl = verdict.hookUrl
      await bridge.numbers.saveInbox(number.id, { hookUrl: verdict.hookUrl })
    }
    const trouble: string[] = []
    for (const { what, webhookUrl, attributes } of verdict.wrong) {
      const mendable = desk.role === 'administrator' && (webhookUrl !== undefined || attributes !== undefined)
      if (mendable && (await mend(desk, number, { webhookUrl, attributes }))) {
        await tellMended(number, what)
        mended++
      } else trouble.push(what)
    }
    await keepTrouble(number, trouble)
    return mended
  }

  const mend = async (
    desk: DeskRecord,
    number: ServedNumber,
    change: Parameters<DeskSettings['updateInbox']>[2]
  ): Promise<boolean> => {
    try {
      await ask(desk, access => settings.updateInbox(access, number.inboxId, change), { mayBeRefused: true })
      return true
    } catch (thrown) {
      if (asPuenteError(thrown).code !== 'desk_forbidden') throw thrown
      desk.role = null
      return false
    }
  }

  const tellMended = async (number: ServedNumber, what: string): Promise<void> => {
    bridge.log.warn({ number: number.id, what }, 'inbox setting mended')
    bridge.count('desk_mended', { what })
    await bridge.numbers.count(number.id, `mended_${what}`, 1)
  }

  /** Said once when it begins and once when it is over. */
  const keepTrouble = async (number: ServedNumber, trouble: string[]): Promise<void> => {
    if (trouble.join() === number.inboxTrouble.join()) return
    if (trouble.length > 0)
      bridge.log.warn({ number: number.id, what: trouble.join() }, 'inbox needs a person: see puente doctor')
    else bridge.log.info({ number: number.id }, 'inbox is well again')
    number.inboxTrouble = trouble
    await bridge.numbers.saveInbox(number.id, { trouble })
  }

  const look = async (desk: DeskRecord): Promise<number> => {
    try {
      return await lookAtDesk(desk)
    } catch (thrown) {
      if (thrown instanceof GateClosed) return 0
      const error = asPuenteError(thrown)
      const facts = { desk: desk.id, code: error.code, ...(error.code === 'internal' ? { err: error.cause } : {}) }
      bridge.log.info(facts, 'settings of the desk not read, the next beat tries again')
      return 0
    }
  }

  return {
    async run() {
      let mended = 0
      for (const desk of bridge.registry.desks()) if (!bridge.stopping()) mended += await look(desk)
      return { mended }
    },
    async hookRefused(number) {
      const nowMs = bridge.clock.monotonicMs()
      const last = refusedAt.get(number.id)
      if (last !== undefined && nowMs - last < REFUSALS_EVERY_MS * bridge.timeFactor) return
      refusedAt.set(number.id, nowMs)
      await bridge.numbers.count(number.id, 'hook_refused', 1)
      bridge.log.warn({ number: number.id }, 'a hook of the desk has a wrong signature')
      const desk = bridge.registry.desks().find(candidate => candidate.id === number.deskId)
      if (desk !== undefined) await look(desk)
    }
  }
}
