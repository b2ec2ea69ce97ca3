/** `npm run conformance` as people run it: both sides, whole and interrupted; the desk is afterwards as before. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { holdings, openDesk, root, run, tempFile } from './command-lab.ts'
import type { Loose } from './help-desk-ground.ts'
import { HELP_DESK_CASES } from './help-desk-suite.ts'
import { WHATSAPP_CHECKS } from './whatsapp-checks.ts'

t.setTimeout(90_000)

t.test('the script line of package.json is what is run here', async t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.equal(scripts.conformance, 'node --import tsx test/conformance/main.ts')
})

t.test('both sides hold, the JSON tells it, and the desk is as before', async t => {
  const { sandbox, args } = await openDesk(t)
  const before = holdings(sandbox)
  const { token, wabaId, appId, appSecret } = sandbox.graph.config() as Loose
  const json = tempFile(t, 'report.json')
  const tokenFile = tempFile(t, 'token')
  writeFileSync(tokenFile, `${token}\n`)
  const graph = ['--graph-url', sandbox.graphUrl, '--graph-token', `@${tokenFile}`, '--waba', wabaId]
  const app = ['--app-id', appId, '--app-secret', appSecret]
  const { code, out, err } = await run([...args, ...graph, ...app, '--json', json])
  t.equal(err, '')
  t.equal(code, 0, out)
  const report = JSON.parse(readFileSync(json, 'utf8'))
  t.match(report, { version: sandbox.desk.config().version, left: [], interrupted: false })
  t.same(
    report.checks.map((check: Loose) => check.id),
    [...HELP_DESK_CASES, ...WHATSAPP_CHECKS].map(({ id }) => id)
  )
  for (const check of report.checks) {
    t.same(Object.keys(check).slice(0, 4), ['id', 'assumption', 'holds', 'seen'])
    t.equal(check.holds === true, check.seen === null, check.id)
  }
  const unchecked = report.checks.filter((check: Loose) => check.holds === null).map((check: Loose) => check.id)
  t.same(
    unchecked.filter((id: string) => id.startsWith('CW-')),
    ['CW-INBOX-AGENT', 'CW-SESSION', 'CW-LOOK-REFUSED', 'CW-FORBIDDEN', 'CW-FLOOD', 'CW-HOOK-LATE'],
    'what one administrator cannot see, or what takes long'
  )
  t.notOk(out.includes(token) || out.includes(args.at(-1)!), 'no token is printed')
  t.equal(holdings(sandbox), before)
})

t.test('interrupted at any moment, it removes what it made', async t => {
  const moments = [
    ['hooks to', 'SIGINT'],
    ['CW-RULE ', 'SIGINT'],
    ['CW-CHANGED ', 'SIGTERM']
  ] as const
  const endAt = async ([text, signal]: (typeof moments)[number]) => {
    const { sandbox, args } = await openDesk(t)
    const before = holdings(sandbox)
    const { code, out, err } = await run(args, { text, signal })
    t.equal(code, 1, `${text}: ${err}`)
    t.match(out, /Interrupted: removing[\s\S]*Interrupted before the end/)
    t.notOk(out.includes('CW-HOOK-ONCE'), 'the rest was not played')
    t.equal(holdings(sandbox), before, `as before, though ended at ${text}`)
  }
  await Promise.all(moments.map(endAt))
})
