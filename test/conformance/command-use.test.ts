/** `npm run conformance` where something is amiss: a deaf desk, wrong words, nobody there; and what `--keep` keeps. */
import t from 'tap'
import { holdings, openDesk, run } from './command-lab.ts'

t.setTimeout(90_000)

t.test('a desk that does not reach us fails that one check, and what needs its hooks is not checked', async t => {
  const { sandbox, args } = await openDesk(t)
  const before = holdings(sandbox)
  const deaf = ['--hook-url', 'http://127.0.0.1:1', '--hook-port', '0', '--hook-wait', '1']
  const { code, out } = await run([...args, ...deaf, '--only', 'CW-REACH|CW-TYPING|CW-LABELS'])
  t.equal(code, 1)
  t.match(out, /CW-REACH +NOT HELD[\s\S]*Connection refused/)
  t.match(out, /CW-TYPING +not checked[\s\S]*--hook-host/)
  t.match(out, /CW-LABELS +holds/)
  t.equal(holdings(sandbox), before)
})

t.test('what is to be kept is kept, and named', async t => {
  const { sandbox, args } = await openDesk(t)
  const { code, out } = await run([...args, '--keep', '--only', 'CW-BORN-SENT'])
  t.equal(code, 0)
  const inbox = sandbox.desk.config().inboxes.find(({ name }) => String(name).startsWith('Puente conformance'))
  t.ok(out.includes(`Left in the desk: `) && out.includes(`inboxes/${inbox?.id}`), out)
})

t.test('wrong use is 2, an unreachable desk 3, each with one sentence', async t => {
  const { sandbox, args, agentToken } = await openDesk(t)
  const before = holdings(sandbox)
  const cases: [string[], number, RegExp][] = [
    [[], 2, /name a desk/],
    [['--chatwoot-url', sandbox.deskUrl, '--token', 'x'], 2, /--account is missing/],
    [['--chatwoot-url', 'desk.example.org', '--account', '1', '--token', 'x'], 2, /http/],
    [['--nonsense'], 2, /nonsense/],
    [[...args.slice(0, 5), agentToken], 2, /administrator/],
    [[...args.slice(0, 5), 'wrong'], 2, /desk_unauthorized/],
    [[...args.slice(0, 3), '987', ...args.slice(4)], 2, /does not belong to account 987/],
    [['--chatwoot-url', 'http://127.0.0.1:1', ...args.slice(2)], 3, /cannot be reached/],
    [['--graph-url', 'http://127.0.0.1:1', '--graph-token', 'x', '--waba', '1'], 3, /cannot be reached/]
  ]
  const ended = await Promise.all(cases.map(([given]) => run(given)))
  for (const [nth, { code, err }] of ended.entries()) {
    const [, wanted, says] = cases[nth]!
    t.equal(code, wanted, err)
    t.match(err, says)
    t.equal(err.trim().split('\n').length, 1, 'one line')
  }
  t.match(await run(['--help']), { code: 0, out: /--hook-host/ })
  t.equal(holdings(sandbox), before, 'nothing was made')
})
