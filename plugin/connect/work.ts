/** What the steps of connecting hand on to each other, and how a thing is made once and only once. */

import type { DeskInbox } from '../../adapters/chatwoot/setup.ts'
import type { Made } from '../../adapters/postgres/connections.ts'
import type { NumberRecord } from '../core/ports/store.ts'
import type { ConnectDeps, Ground } from './ground.ts'
import type { Survey } from './survey.ts'

export interface Work {
  ground: Ground
  survey: Survey
  deps: ConnectDeps
  /** From the first step on. */
  inbox: DeskInbox
  inboxKey: string
  verifyToken: string
  /** From the second step on. */
  number: NumberRecord
  made: Made
  deskMade: Made
  /** How changes of templates and of the account reach us. */
  accountEvents: 'webhook' | 'poll'
}

export interface Step {
  id: string
  /** What it changed, for people; null when all was as it should be. */
  run(work: Work): Promise<string | null>
}

/** Notes what was made for the number, here and in the database. */
export async function noteMade(work: Work, made: Made): Promise<void> {
  Object.assign(work.made, made)
  await work.deps.connections.noteMade(work.number.id, made)
}

/** The same for what all numbers of the account share. */
export async function noteDeskMade(work: Work, made: Made): Promise<void> {
  Object.assign(work.deskMade, made)
  await work.deps.connections.noteDeskMade(work.number.deskId, made)
}

/**
 * Makes a thing unless it is there. That we are about to make it is noted first: after a crash, or an answer that got
 * lost, what is found then is known to be ours. What an admin made stays theirs.
 */
export async function makeOnce(
  found: number | null,
  noted: unknown,
  note: (value: number | 'begun') => Promise<void>,
  make: () => Promise<number>
): Promise<{ id: number; isNew: boolean }> {
  if (found !== null) {
    if (noted === 'begun') await note(found)
    return { id: found, isNew: false }
  }
  await note('begun')
  const id = await make()
  await note(id)
  return { id, isNew: true }
}
