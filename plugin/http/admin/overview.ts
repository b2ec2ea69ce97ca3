/** The one look of an administrator: what needs a person, the numbers, what is set aside; and taking that up again. */
import { ERROR_TABLE, type ErrorCode } from '../../core/errors.ts'
import type { Need } from '../../core/needs.ts'
import type { Examination, OverseenNumber } from '../../core/ports/oversight.ts'
import { explainError } from '../../core/texts/describe.ts'
import type { Locale } from '../../core/texts/text.ts'
import { type ApiDeps, type Handlers, localeOf } from '../api/deps.ts'
import { limitOf, QUALITIES } from '../api/number-info.ts'
import type { AdminNeed, AdminNumber, Examination as ExaminationAnswer } from '../contract/admin-pages.ts'
import type { Examinations } from './examinations.ts'

type OverviewHandlers = Pick<Handlers, 'readOverview' | 'replayAside'>

export function overviewHandlers({ oversight, bridge, desks }: ApiDeps, examinations: Examinations): OverviewHandlers {
  /** As browsers reach it. */
  const deskUrlOf = ({ desk, deskId }: OverseenNumber): string => {
    const record = bridge.registry.desks().find(each => each.id === deskId)
    return record === undefined ? desk.url : desks.urlOf(record)
  }
  return {
    async readOverview(_input, { overseer, request }) {
      const locale = localeOf(request)
      const { deskId } = overseer
      const now = new Date()
      const [numbers, groups] = await Promise.all([oversight.numbers(deskId), oversight.aside(deskId)])
      const last = examinations.last(deskId)
      return {
        at: now.toISOString(),
        scope: deskId === null ? 'installation' : 'account',
        who: { name: overseer.name, expiresAt: overseer.expiresAt.toISOString() },
        needs: numbers.flatMap(number => number.needs.map(need => toNeed(number, need, locale))),
        numbers: numbers.map(number => toNumber(number, deskUrlOf(number), locale, now)),
        aside: groups.map(group => ({
          ...group,
          since: group.since.toISOString(),
          sentence: sentenceOf(group.code, locale) ?? group.code
        })),
        lastCheck: last === null ? null : toExamination(last)
      }
    },

    async replayAside({ body }, { overseer }) {
      const taken = await oversight.takeUp(overseer.deskId, body.groups)
      bridge.log.info({ desk: overseer.deskId, taken }, 'set-aside items taken up again from the admin pages')
      return { taken }
    }
  }
}

export function toExamination({ at, findings }: Examination): ExaminationAnswer {
  return { at: at.toISOString(), findings }
}

function sentenceOf(code: string | null, locale: Locale): string | null {
  return code !== null && code in ERROR_TABLE ? explainError(locale, code as ErrorCode) : null
}

function toNeed(number: OverseenNumber, need: Need, locale: Locale): AdminNeed {
  const { kind } = need
  const none = { kind, numberId: number.id, count: null, what: null, code: null, sentence: null }
  switch (need.kind) {
    case 'paused':
      return { ...none, code: need.code, sentence: sentenceOf(need.code, locale) }
    case 'inbox':
    case 'standing':
      return { ...none, what: need.what }
    case 'set_aside':
    case 'uncertain':
      return { ...none, count: need.count }
    case 'late':
      return { ...none, count: need.seconds }
    case 'unread':
      return { ...none, count: need.minutes }
    case 'unproven':
      return none
  }
}

function toNumber(number: OverseenNumber, deskUrl: string, locale: Locale, now: Date): AdminNumber {
  const { desk, pausedCode, waiting } = number
  const ago = (seconds: number | null): string | null =>
    seconds === null ? null : new Date(now.getTime() - seconds * 1000).toISOString()
  return {
    id: number.id,
    name: number.verifiedName ?? number.displayPhoneNumber,
    displayPhoneNumber: number.displayPhoneNumber,
    sandbox: number.sandbox,
    accountId: desk.accountId,
    inboxId: number.inboxId,
    inboxUrl: `${deskUrl}/app/accounts/${desk.accountId}/settings/inboxes/${number.inboxId}`,
    desk: { url: desk.url, version: desk.version },
    state: pausedCode !== null ? 'paused' : number.proven || number.sandbox ? 'connected' : 'unproven',
    paused: pausedCode === null ? null : { code: pausedCode, sentence: sentenceOf(pausedCode, locale) },
    quality: QUALITIES.find(name => name === number.quality?.toLowerCase()) ?? null,
    messagingLimit: /UNLIMITED$/i.test(number.messagingLimit ?? '') ? 'unlimited' : limitOf(number.messagingLimit),
    throughputPerSecond: number.throughputPerSecond,
    waiting: {
      inbound: waiting.inbound,
      outbound: waiting.outbound,
      ticks: number.ticksWaiting,
      oldestSeconds: waiting.oldestSeconds
    },
    parked: number.parked,
    uncertain: number.uncertain,
    setAside: number.setAside,
    failedLastDay: number.failedLastDay,
    heardAt: number.heardAt?.toISOString() ?? null,
    deskReadAt: ago(number.reconciledSeconds)
  }
}
