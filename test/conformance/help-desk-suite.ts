/**
 * What every help desk must do, whatever stands behind it: a stand-in or a real Chatwoot. Each case is one assumption
 * that Puente's code makes, under an id. The suite makes its own inbox and reads what it needs through the port.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { CONTACTS_CASES } from './help-desk-contacts.ts'
import { CONVERSATIONS_CASES } from './help-desk-conversations.ts'
import { type Ground, type HelpDeskHarness, run, unique } from './help-desk-ground.ts'
import { HOOKS_CASES } from './help-desk-hooks.ts'
import { ROWS_CASES } from './help-desk-rows.ts'

const CASES = [...CONTACTS_CASES, ...CONVERSATIONS_CASES, ...ROWS_CASES, ...HOOKS_CASES]

/** Registers one test per assumption. `open` gives the desk; an inbox is made in it. */
export async function runHelpDeskSuite(t: Test, open: (t: Test) => Promise<HelpDeskHarness>): Promise<void> {
  const harness = await open(t)
  const { setup, access, agent, hookUrl } = harness
  const folder = mkdtempSync(join(tmpdir(), 'puente-desk-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const made = await setup.createInbox(access, {
    name: `Conformance ${run}`,
    webhookUrl: hookUrl,
    windowMessage: 'The window is closed',
    marker: { phoneNumberId: unique('number'), installation: 'conformance' }
  })
  const people = [await setup.readProfile(access), await setup.readProfile(agent)].map(({ id }) => id)
  await setup.addMembers(access, made.id, people)
  const inbox = await setup.readInbox(access, made.id)
  if (inbox.secret === null) throw new Error('the desk does not sign its hooks')
  const ground: Ground = { ...harness, inbox, secret: inbox.secret, folder, agentId: people[1]! }
  for (const { id, says, play } of CASES) await t.test(`${id}: ${says}`, t => play(t, ground))
}
