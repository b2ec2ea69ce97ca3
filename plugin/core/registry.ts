/**
 * The numbers and desks that this process serves, in memory, with their policies checked. Refreshed by the runtime;
 * leaves out how they are stored.
 */
import { z } from 'zod'
import type { NumberAccess } from './ports/channel.ts'
import type { DeskAccess } from './ports/help-desk.ts'
import type { DeskRecord, NumberRecord } from './ports/store.ts'
import { type Locale, pickLocale } from './texts/text.ts'

/** What an admin may decide per number. Every key has a default; unknown keys are an error that names them. */
export const policySchema = z
  .object({
    conversations: z
      .enum(['new_after_resolved', 'always_last'])
      .default('new_after_resolved')
      .describe('After a conversation was resolved: open a new one, or go on in the last one'),
    deletedByCustomer: z
      .enum(['keep', 'hide'])
      .default('keep')
      .describe('When the customer deletes a message: keep the copy in the desk, or delete it there too'),
    linkPreview: z.boolean().default(true).describe('Ask WhatsApp to show a preview of the first link of a text'),
    readMarks: z.boolean().default(true).describe('Show blue ticks to the customer when a person answers'),
    typing: z.boolean().default(true).describe('Show the typing sign to the customer while a person types'),
    extraPhoneAttributes: z
      .array(z.string().regex(/^[\w.-]+$/))
      .default([])
      .describe('Keys of further contact attributes that hold phone numbers, for recognising contacts'),
    parkedHours: z.number().int().min(1).max(24).default(24).describe('How long a parked answer waits, in hours')
  })
  .strict()

export type Policy = z.infer<typeof policySchema>

export interface ServedNumber extends NumberRecord {
  desk: DeskRecord
  rules: Policy
  language: Locale
  access: NumberAccess
  deskAccess: DeskAccess
}

export interface Registry {
  /** By our own id. */
  number(id: number): ServedNumber | undefined
  byPhoneNumberId(phoneNumberId: string): ServedNumber | undefined
  byInboxKey(inboxKey: string): ServedNumber | undefined
  byInbox(deskId: number, inboxId: number): ServedNumber | undefined
  numbers(): ServedNumber[]
  desks(): DeskRecord[]
  /** Every app secret and verify token in use: a webhook may be signed with any. */
  appSecrets(): readonly string[]
  verifyTokens(): readonly string[]
  replace(desks: DeskRecord[], numbers: NumberRecord[]): void
  /** Milliseconds that a sandbox's clock is ahead; 0 for real numbers. */
  offsetMs(numberId: number): number
  setOffset(numberId: number, offsetMs: number): void
}

export function createRegistry(): Registry {
  let desks: DeskRecord[] = []
  let byId = new Map<number, ServedNumber>()
  let byPhone = new Map<string, ServedNumber>()
  let byKey = new Map<string, ServedNumber>()
  let secrets: string[] = []
  let tokens: string[] = []
  const offsets = new Map<number, number>()

  return {
    number: id => byId.get(id),
    byPhoneNumberId: id => byPhone.get(id),
    byInboxKey: key => byKey.get(key),
    byInbox: (deskId, inboxId) => [...byId.values()].find(n => n.deskId === deskId && n.inboxId === inboxId),
    numbers: () => [...byId.values()],
    desks: () => desks,
    appSecrets: () => secrets,
    verifyTokens: () => tokens,
    offsetMs: numberId => offsets.get(numberId) ?? 0,
    setOffset(numberId, offsetMs) {
      if (byId.get(numberId)?.sandbox === true) offsets.set(numberId, offsetMs)
    },
    replace(newDesks, newNumbers) {
      desks = newDesks
      const served = newNumbers.flatMap(record => {
        const desk = newDesks.find(candidate => candidate.id === record.deskId)
        return desk === undefined ? [] : [serve(record, desk)]
      })
      byId = new Map(served.map(number => [number.id, number]))
      byPhone = new Map(served.map(number => [number.phoneNumberId, number]))
      byKey = new Map(served.map(number => [number.inboxKey, number]))
      secrets = [...new Set(served.flatMap(number => number.appSecrets))]
      tokens = [...new Set(served.map(number => number.verifyToken))]
    }
  }
}

function serve(record: NumberRecord, desk: DeskRecord): ServedNumber {
  const parsed = policySchema.safeParse(record.policy)
  return {
    ...record,
    desk,
    rules: parsed.success ? parsed.data : policySchema.parse({}),
    language: pickLocale(record.locale),
    access: {
      phoneNumberId: record.phoneNumberId,
      token: record.token,
      appSecret: record.appSecrets[0],
      graphUrl: record.graphUrl,
      graphVersion: record.graphVersion
    },
    deskAccess: { url: desk.url, accountId: desk.accountId, token: desk.token }
  }
}
