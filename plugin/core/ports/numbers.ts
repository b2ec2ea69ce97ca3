/** Port to what was connected: desks and numbers, with their secrets in clear (sealed where they are stored). */

export interface DeskRecord {
  id: number
  url: string
  accountId: number
  token: string
  tokenHint: string
  sandbox: boolean
  paceLimit: number
  pausedCode: string | null
  /** Of the server, as it said when it was last asked; null before that. */
  version: string | null
  /** Whose token it is: `administrator` or `agent`; null before it was asked. */
  role: string | null
}

export interface NumberRecord {
  id: number
  deskId: number
  phoneNumberId: string
  wabaId: string
  appId: string | null
  displayPhoneNumber: string
  verifiedName: string | null
  inboxId: number
  inboxKey: string
  hookSecret: string | null
  token: string
  tokenHint: string
  appSecrets: string[]
  verifyToken: string
  graphUrl: string
  graphVersion: string
  policy: Record<string, unknown>
  locale: string
  throughputPerSecond: number
  sandbox: boolean
  connectedAt: Date
  pausedCode: string | null
  changedCursor: Date
  /** Where the inbox sent its hooks when it was last well. */
  hookUrl: string | null
  /** What is wrong with the inbox's settings and only a person can mend: `hook_url`, `window`, `banner`, `marker`, `gone`, `taken`, `hidden`. */
  inboxTrouble: string[]
}

export type NewDesk = Pick<DeskRecord, 'url' | 'accountId' | 'token' | 'sandbox'>
export type NewNumber = Omit<
  NumberRecord,
  'id' | 'tokenHint' | 'connectedAt' | 'pausedCode' | 'changedCursor' | 'hookUrl' | 'inboxTrouble'
>

export interface Numbers {
  /** Who we are, and the key of the alias hashes; made on first use. */
  installation(): Promise<{ id: string; aliasKey: Buffer }>
  list(): Promise<{ desks: DeskRecord[]; numbers: NumberRecord[] }>
  saveDesk(desk: NewDesk): Promise<DeskRecord>
  /** The same desk, with its numbers and their history, has another address now. */
  moveDesk(deskId: number, url: string): Promise<void>
  saveNumber(number: NewNumber): Promise<NumberRecord>
  pauseDesk(deskId: number, code: string | null): Promise<void>
  pauseNumber(numberId: number, code: string | null, facts?: object): Promise<void>
  /** What the desk said about itself and its token. */
  saveDeskFacts(deskId: number, facts: { version: string | null; role: string }): Promise<void>
  /** How the inbox was found; what is not given stays. */
  saveInbox(numberId: number, found: { hookUrl?: string; hookSecret?: string; trouble?: string[] }): Promise<void>
  /** A hook of the inbox that was sent to try it came in, signed as it must be: that proves it, too. */
  noteHook(numberId: number): Promise<void>
  /** False once somebody disconnects it, also in another process: then its inbox is no longer ours to mend. */
  isStaying(numberId: number): Promise<boolean>
  disconnect(numberId: number): Promise<void>
  savePace(deskId: number, limit: number): Promise<void>
  saveCursor(numberId: number, cursor: Date): Promise<void>
  count(numberId: number, name: string, n: number): Promise<void>
  /** Somebody asked for a one-time code that connecting or the doctor handed out; others are ignored. */
  noteReached(code: string): Promise<void>
  /** A private note of ours, written to try the hook of this inbox, came back through it. */
  noteProbe(inboxKey: string, probe: string): Promise<void>
}
