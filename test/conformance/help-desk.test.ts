/** The help desk suite on the sandbox's Chatwoot: whatever the code assumes holds there as on a real one. */
import t, { type Test } from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createSandbox } from '../../adapters/sandbox/sandbox.ts'
import { HELP_DESK_CASES, runHelpDeskSuite } from './help-desk-suite.ts'

/** What the version that the sandbox speaks for cannot do, and no other may fail. */
const LACKING = ['CW-ATTRIBUTES-MERGE', 'CW-GREETED', 'CW-RETRY-KEEPS']

async function open(t: Test) {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0 })
  t.teardown(() => sandbox.close())
  const http = createHttpClient()
  t.teardown(() => http.close())
  const { accountId, adminToken, agentToken, agents } = sandbox.desk.config()
  const run = {
    http,
    access: { url: sandbox.deskUrl, accountId, token: adminToken },
    agentToken,
    session: agents.find(({ token }) => token === agentToken)?.session,
    hook: {},
    hookWaitMs: 3000,
    slow: true,
    keep: false,
    tell: () => {},
    stop: new AbortController().signal
  }
  return { sandbox, run }
}

t.test('the desk keeps every assumption, and is as before afterwards', async t => {
  const { sandbox, run } = await open(t)
  const before = JSON.stringify(sandbox.desk.view())
  const played: string[] = []
  const { outcomes, left, version, interrupted } = await runHelpDeskSuite({
    ...run,
    tell: ({ id }) => void played.push(id)
  })
  t.equal(version, sandbox.desk.config().version)
  t.equal(interrupted, false)
  for (const { id, assumption, holds, seen, expected } of outcomes) {
    if (LACKING.includes(id)) {
      t.match({ holds, expected }, { holds: false, expected: /\w/ }, `${id} is known to be lacking`)
    } else t.equal(holds, true, `${id}: ${assumption}${seen === null ? '' : ` (${seen})`}`)
  }
  t.same(
    played,
    HELP_DESK_CASES.map(({ id }) => id),
    'every check was played, each once'
  )
  t.same(left, [])
  t.equal(JSON.stringify(sandbox.desk.view()), before)
})

t.test('what other versions lack is expected of them, and not a failure', async t => {
  const unsigned = ['CW-SECRET-RESET', 'CW-HOOK-SIGNED', 'CW-HOOK-HEADERS']
  const versions: [string, string[]][] = [
    ['4.12.1', [...unsigned, 'CW-ATTRIBUTES-MERGE', 'CW-HOOK-ACCOUNT']],
    ['4.13.0', ['CW-ATTRIBUTES-MERGE', 'CW-HOOK-ACCOUNT']],
    ['4.17.0', []]
  ]
  for (const [version, lacking] of versions) {
    const { sandbox, run } = await open(t)
    sandbox.desk.configure({ version })
    const only = /^CW-(SECRET-RESET|HOOK|HOOK-SIGNED|HOOK-HEADERS|HOOK-ACCOUNT|ATTRIBUTES-MERGE|RETRY)$/
    const told = await runHelpDeskSuite({ ...run, only })
    t.equal(told.version, version)
    t.equal(told.outcomes.length, 7)
    t.same(told.outcomes.flatMap(({ id, holds }) => (holds ? [] : [id])).sort(), lacking.sort(), version)
    t.ok(
      told.outcomes.every(({ holds, expected }) => holds === true || expected !== undefined),
      `${version}: each is expected`
    )
  }
})
