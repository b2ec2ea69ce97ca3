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
}

export type NewDesk = Pick<DeskRecord, 'url' | 'accountId' | 'token' | 'sandbox'>
export type NewNumber = Omit<NumberRecord, 'id' | 'tokenHint' | 'connectedAt' | 'pausedCode' | 'changedCursor'>

export interface Numbers {
  /** Who we are, and the key of the alias hashes; made on first use. */
  installation(): Promise<{ id: string; aliasKey: Buffer }>
  list(): Promise<{ desks: DeskRecord[]; numbers: NumberRecord[] }>
  saveDesk(desk: NewDesk): Promise<DeskRecord>
  saveNumber(number: NewNumber): Promise<NumberRecord>
  pauseDesk(deskId: number, code: string | null): Promise<void>
  pauseNumber(numberId: number, code: string | null, facts?: object): Promise<void>
  disconnect(numberId: number): Promise<void>
  savePace(deskId: number, limit: number): Promise<void>
  saveCursor(numberId: number, cursor: Date): Promise<void>
  count(numberId: number, name: string, n: number): Promise<void>
}
