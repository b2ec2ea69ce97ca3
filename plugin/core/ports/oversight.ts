/**
 * Port to the whole as an administrator sees it: numbers with their state, what is set aside, the doctor's finds. Every
 * read is of one desk's numbers, or of all (`deskId` null). Never tells texts, customers or secrets.
 */
import type { Need } from '../needs.ts'
import type { Standing } from '../standing.ts'
import type { EventKind } from './store.ts'

export interface NumberStatus {
  phoneNumberId: string
  displayPhoneNumber: string
  sandbox: boolean
  inboxId: number
  state: 'working' | 'paused'
  pausedCode: string | null
  /** What the pause means and what ends it. */
  pausedBecause: string | null
  /** False until a hook, a customer's message and an answer's tick were seen. */
  proven: boolean
  tokenHint: string
  desk: { url: string; accountId: number; version: string | null; role: string | null; tokenHint: string }
  waiting: { inbound: number; outbound: number; oldestSeconds: number }
  ticksWaiting: number
  /** Since a customer last wrote, since the desk was last read for what it did not tell. */
  lastInboundSeconds: number | null
  reconciledSeconds: number | null
  setAside: number
  setAsideCodes: { code: string; count: number }[]
  parked: number
  uncertain: number
  failedLastDay: number
  lastErrors: { code: string; count: number; means: string | null }[]
  /** Found by reading the desk within the last week and put right, by kind. */
  mended: { what: string; count: number }[]
  inboxTrouble: string[]
  /** What Meta holds against the number, as last read. */
  standings: Standing[]
  /** What stays off, with the reason; needs nobody. */
  off: string[]
}

export interface OverseenNumber extends NumberStatus {
  id: number
  deskId: number
  verifiedName: string | null
  throughputPerSecond: number
  /** As Meta last told: GREEN …, TIER_1K …; null where it was never asked. */
  quality: string | null
  messagingLimit: string | null
  /** The newest message, call or status that WhatsApp told within the last two days. */
  heardAt: Date | null
  needs: Need[]
}

/** Set-aside items that have number (0: none of the connected ones), kind and cause in common. */
export interface AsideGroup {
  numberId: number
  kind: EventKind
  /** True: an answer of the desk; false: something that WhatsApp told. */
  outbound: boolean
  code: string
  count: number
  since: Date
  /** False: it can only be looked at. */
  replayable: boolean
}

export type AsideChoice = Pick<AsideGroup, 'numberId' | 'kind' | 'outbound' | 'code'>

export interface CheckFinding {
  id: string
  state: 'ok' | 'warn' | 'fail'
  /** The number that it is about; null: the desk or Puente itself. */
  numberId: number | null
  about: string
  says: string
  remedy: string | null
}

export interface Examination {
  at: Date
  findings: CheckFinding[]
}

export interface Oversight {
  numbers(deskId: number | null): Promise<OverseenNumber[]>
  aside(deskId: number | null): Promise<AsideGroup[]>
  /** Takes the items of these groups up again; answers how many. Groups of numbers that are not the desk's are left. */
  takeUp(deskId: number | null, choices: readonly AsideChoice[]): Promise<number>
  /** Makes every check; takes seconds to minutes. `told` hears what is looked at now. */
  examine(deskId: number | null, told: (about: string) => void): Promise<Examination>
}
