/**
 * Keeps our copy of the templates in step with Meta, and what the desk's own picker offers in step with the copy. Of
 * several processes one works on a WABA. The inbox is compared at every pass and written only when something differs:
 * each write is an audit row in Chatwoot. Writing needs an administrator's token; without one it says so and stays off.
 */
import { askWithAnyToken, numbersByWaba } from '../any-token.ts'
import type { Bridge } from '../bridge.ts'
import { callDesk } from '../desk/call.ts'
import { PRIORITY } from '../desk/permits.ts'
import { asPuenteError } from '../errors.ts'
import { GateClosed } from '../lanes/hold.ts'
import type { DeskSettings } from '../ports/desk-settings.ts'
import type { TemplateSource, TemplateStore } from '../ports/templates.ts'
import type { ServedNumber } from '../registry.ts'
import { isSameJson } from '../same-json.ts'
import type { ListedTemplate } from './model.ts'
import { type PickerTemplate, pickerTemplates } from './picker.ts'
import { readTemplate } from './read.ts'

export interface TemplateMirrorDeps {
  bridge: Bridge
  store: TemplateStore
  source: TemplateSource
  settings: Pick<DeskSettings, 'readInbox' | 'updateInbox' | 'readProfile'>
  /** Who we are among the processes, and among the installations. */
  processId: string
  installation: string
}

export interface TemplateMirror {
  /** Renews what is due; answers how many WABAs were. */
  run(): Promise<number>
}

/** After a failure; the poll itself is slower. */
const AGAIN_MS = 60_000
/** Longer than reading all pages takes. */
const LEASE_MS = 120_000

export function createTemplateMirror(deps: TemplateMirrorDeps): TemplateMirror {
  const { bridge, store, source, settings } = deps
  const scaled = (ms: number): number => ms * bridge.timeFactor

  const renew = async (wabaId: string, numbers: ServedNumber[]): Promise<void> => {
    let code: string | null = null
    try {
      const listed = await readAll(wabaId, numbers)
      const { changed } = await store.replace(wabaId, listed)
      if (changed) bridge.log.info({ waba: wabaId, templates: listed.length }, 'templates renewed')
      for (const number of numbers) code = (await mirrorInto(number, listed)) ?? code
    } catch (thrown) {
      const error = asPuenteError(thrown)
      code = error.code
      bridge.count('templates_failed', { code })
      const facts = { waba: wabaId, code, facts: error.facts, ...(code === 'internal' ? { err: error.cause } : {}) }
      bridge.log.warn(facts, 'templates not read, comes again')
    }
    const nextInMs = code === null ? bridge.times.templatePollMs : scaled(AGAIN_MS)
    await store.settle(wabaId, deps.processId, { nextInMs, code })
  }

  const readAll = (wabaId: string, numbers: ServedNumber[]): Promise<ListedTemplate[]> =>
    askWithAnyToken(numbers, async access => {
      const listed: ListedTemplate[] = []
      for await (const page of source.list(access, wabaId)) listed.push(...page)
      return listed
    })

  /** Answers the code of a failure that may pass; what needs a person is kept for the doctor. */
  const mirrorInto = async (number: ServedNumber, listed: ListedTemplate[]): Promise<string | null> => {
    const approved = listed
      .map(each => ({ listed: each, template: readTemplate(each) }))
      .filter(({ template }) => template.status === 'APPROVED')
    const wanted = pickerTemplates(approved)
    const state = { shown: wanted.length, leftOut: approved.length - wanted.length }
    const off = async (code: string): Promise<null> => {
      await store.saveMirror(number.id, { shown: 0, leftOut: 0, written: false, code })
      return null
    }
    try {
      if (!(await isAdministrator(number))) return off('needs_admin')
      const written = await write(number, wanted)
      if (written === 'taken') return off('taken')
      if (written) {
        bridge.count('templates_mirrored')
        bridge.log.info({ number: number.id, ...state }, 'templates written into the inbox')
      }
      await store.saveMirror(number.id, { ...state, written, code: null })
      return null
    } catch (thrown) {
      if (thrown instanceof GateClosed) return 'desk_unavailable'
      const error = asPuenteError(thrown)
      if (error.code === 'desk_forbidden') {
        number.desk.role = null
        return off('needs_admin')
      }
      if (error.code === 'desk_inbox_gone') return off('desk_inbox_gone')
      await store.saveMirror(number.id, { ...state, written: false, code: error.code })
      bridge.log.info({ number: number.id, code: error.code }, 'templates not written into the inbox, comes again')
      return error.code
    }
  }

  /** Whose token it is may not be known yet: then the desk is asked, rather than written to on trust. */
  const isAdministrator = async (number: ServedNumber): Promise<boolean> => {
    number.desk.role ??= (await ask(number, access => settings.readProfile(access))).administrator
      ? 'administrator'
      : 'agent'
    return number.desk.role === 'administrator'
  }

  const write = async (number: ServedNumber, wanted: PickerTemplate[]): Promise<boolean | 'taken'> => {
    const inbox = await ask(number, access => settings.readInbox(access, number.inboxId))
    if (inbox.marker !== null && inbox.marker.installation !== deps.installation) return 'taken'
    const now = inbox.attributes['message_templates']
    if (isSameJson(wanted, Array.isArray(now) ? now : [])) return false
    if (!(await bridge.numbers.isStaying(number.id))) return false
    // Reads once more and merges, so that the keys of others go along.
    const attributes = { message_templates: wanted }
    await ask(number, access => settings.updateInbox(access, number.inboxId, { attributes }))
    return true
  }

  const ask = <T>(number: ServedNumber, run: (access: ServedNumber['deskAccess']) => Promise<T>): Promise<T> =>
    callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      priority: PRIORITY.backfill,
      mayBeRefused: true,
      run
    })

  return {
    async run() {
      const byWaba = numbersByWaba(bridge.registry)
      const due = await store.claim([...byWaba.keys()], deps.processId, LEASE_MS)
      for (const wabaId of due) await renew(wabaId, byWaba.get(wabaId) ?? [])
      return due.length
    }
  }
}
