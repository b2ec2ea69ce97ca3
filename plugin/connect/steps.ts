/**
 * The steps of connecting, in order: the desk first, so that the first message finds its place; Meta last. Every step
 * may be repeated: what is there is used, what differs is set, and a run that was interrupted goes on where it stopped.
 */
import { randomBytes } from 'node:crypto'
import { PuenteError } from '../core/errors.ts'
import type { NumberRecord } from '../core/ports/store.ts'
import { appWebhookStep } from './app-webhook-step.ts'
import {
  appStep,
  attributesStep,
  folderStep,
  inboxStep,
  keptInboxStep,
  labelStep,
  membersStep,
  needAdministrator,
  pictureStep,
  ruleStep
} from './desk-steps.ts'
import type { ConnectDeps, Ground } from './ground.ts'
import { callbackStep, readingsStep, storeStep, subscribeStep } from './meta-steps.ts'
import { isSetUp, type Survey } from './survey.ts'
import type { Step, Work } from './work.ts'

export const STEPS: readonly Step[] = [
  inboxStep,
  storeStep,
  membersStep,
  pictureStep,
  attributesStep,
  labelStep,
  ruleStep,
  folderStep,
  appStep,
  subscribeStep,
  callbackStep,
  appWebhookStep,
  readingsStep
]

/** With a member's token, once all is made in the desk: the new token, and Meta's side. */
const MEMBER_STEPS: readonly Step[] = [
  keptInboxStep,
  storeStep,
  subscribeStep,
  callbackStep,
  appWebhookStep,
  readingsStep
]

export interface StepDone {
  id: string
  /** Null: nothing had to be changed. */
  did: string | null
}

export interface Connected {
  number: NumberRecord
  accountEvents: 'webhook' | 'poll'
  steps: StepDone[]
}

/** Fails with the error of the step that could not be done; everything before it stays, and is used next time. */
export async function runSteps(ground: Ground, survey: Survey, deps: ConnectDeps): Promise<Connected> {
  for (const read of [survey.desk.version, survey.desk.profile, survey.whatsapp.number]) if (!read.ok) throw read.error
  const { whatsapp } = ground.plan
  const work = {
    ground,
    survey,
    deps,
    inboxKey: '',
    verifyToken: whatsapp.verifyToken ?? survey.known?.verifyToken ?? randomBytes(18).toString('base64url'),
    made: {},
    deskMade: {},
    accountEvents: 'poll'
  } as Partial<Work> as Work
  const isMember = survey.desk.profile.ok && !survey.desk.profile.value.administrator
  if (!isSetUp(ground, survey)) needAdministrator(work)
  const done: StepDone[] = []
  for (const step of isMember ? MEMBER_STEPS : STEPS) {
    if (deps.without?.includes(step.id) === true) continue
    let did: string | null
    try {
      did = await step.run(work)
    } catch (error) {
      if (error instanceof PuenteError) error.facts['step'] ??= step.id
      throw error
    }
    done.push({ id: step.id, did })
    if (did !== null) deps.step?.(did)
    deps.afterStep?.(step.id)
  }
  return { number: work.number, accountEvents: work.accountEvents, steps: done }
}
