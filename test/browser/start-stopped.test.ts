/** `puente start` when one of its two processes dies: it comes back, and each message has arrived once. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { openStarted, pause } from '../support/started.ts'

t.test('what dies is started again', async t => {
  const { url, page, phone, rows, pid, said, write, answer, once } = await openStarted(t)
  await write('Good morning')
  await rows.getByText('Good morning').waitFor()

  await t.test('Puente is stopped from the page, comes back, and has missed nothing', async () => {
    await page.getByRole('button', { name: 'Stop Puente' }).click()
    await page.getByText('Puente is down', { exact: true }).waitFor()
    await write('Are you still there?')
    await answer('We are.')
    await page.getByText('Puente is down', { exact: true }).waitFor({ state: 'detached' })
    await once(rows.getByText('Are you still there?'))
    await once(phone.getByText('We are.'))
  })

  await t.test('the sandbox is killed, comes back as it was, and messages go both ways', async () => {
    // What it has taken is on its disk a moment later.
    await pause(1_500)
    process.kill(childOf(pid, 'sandbox'), 'SIGKILL')
    const isUp = (): Promise<boolean> =>
      fetch(`${url}/__config`).then(
        answer => answer.ok,
        () => false
      )
    while (await isUp()) await pause(20)
    const until = Date.now() + 30_000
    while (!(await isUp()) && Date.now() < until) await pause(100)
    t.ok(await isUp(), 'at the same address')
    await page.reload()
    await once(rows.getByText('Are you still there?'))
    await write('And now?')
    await once(rows.getByText('And now?'))
    await answer('Here again.')
    await once(phone.getByText('Here again.'))
  })
  t.notMatch(said(), /ended five times/)
})

/** The id of the process that `puente start` has for this command. */
function childOf(parent: number, command: string): number {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n')
  const found = lines
    .map(line => line.trim().split(/\s+/))
    .find(([, ppid, ...args]) => Number(ppid) === parent && args.includes(command))
  if (found === undefined) throw new Error(`${parent} has no child ${command}`)
  return Number(found[0])
}
