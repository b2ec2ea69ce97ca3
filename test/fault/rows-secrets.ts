/** X-rows about what is signed how: the app secret is rotated, bodies come compressed. */
import { createHmac, randomBytes } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { webhookOf } from './rows-duplicates.ts'
import { post, secretOf, sign } from './rows-hostile.ts'
import { eventually, keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
import type { World } from './world.ts'

const MIB = 1024 * 1024
/** Others hear of a changed number within three seconds. */
const HEARD_MS = 10_000

let probes = 0

/** A webhook that is stored and needs nothing. */
function probe(): string {
  const value = { at: `${++probes} ${performance.now()}` }
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '1', changes: [{ field: 'fault_probe', value }] }]
  })
}

async function answerTo(world: World, secret: string, port: number): Promise<number> {
  const body = probe()
  return post(world, body, { 'x-hub-signature-256': sign(secret, body) }, port)
}

const all = (world: World, secret: string, wanted: number): Promise<boolean> =>
  eventually(async () => {
    const answers = await Promise.all(world.puentes.map(puente => answerTo(world, secret, puente.port)))
    return answers.every(status => status === wanted)
  }, HEARD_MS)

export const SECRET_ROWS: Scenario[] = [
  {
    id: 'X3',
    fault: 'the app secret is rotated: old, both, new',
    moment: 'under load, two processes',
    quick: true,
    processes: 2,
    async play(world) {
      const [old, young] = [await secretOf(world), randomBytes(16).toString('hex')]
      world.secrets.push(young)
      const [one] = world.puentes
      const wrong: string[] = []
      const chats = await world.load.openChats('setup', 3)
      wrong.push(...(await talkUntilShared(world, chats)))
      const from = (await world.doors.ledger()).at(-1)!.n
      if (!(await all(world, young, 401))) wrong.push('a secret that nobody set was taken')
      const stopTalking = keepTalking(world, chats)
      await one!.setAppSecrets([old, young])
      if (!(await all(world, young, 200))) wrong.push('the new secret is refused although both are set')
      for (let round = 0; round < 10; round++) {
        for (const puente of world.puentes) {
          const answers = [await answerTo(world, old, puente.port), await answerTo(world, young, puente.port)]
          if (answers.some(status => status !== 200)) wrong.push(`while both are set: ${answers.join(' and ')}`)
        }
      }
      await stopTalking()
      await world.settle(20_000)
      const hooks = (await world.doors.ledger('&side=graph&what=hook')).filter(entry => entry.n > from)
      const refused = hooks.filter(entry => entry.status === 401)
      if (refused.length > 0) wrong.push(`${refused.length} valid webhooks were refused`)
      await one!.setAppSecrets([young])
      if (!(await all(world, old, 401))) wrong.push('the old secret is taken although it was removed')
      if (!(await all(world, young, 200))) wrong.push('the new secret alone is refused')
      await one!.setAppSecrets([old])
      if (!(await all(world, old, 200))) wrong.push('the secret that was set again is refused')
      return [...new Set(wrong)].slice(0, 6)
    }
  },
  {
    id: 'X4',
    fault: 'compressed bodies: a real webhook, and bombs of 2.5 GiB in 3 MB, signed and not',
    moment: 'any time',
    quick: true,
    async play(world) {
      const secret = await secretOf(world)
      const wrong: string[] = []
      const said = await world.load.say('good', world.load.newPhone())
      await world.settle(10_000)
      const text = JSON.stringify(await webhookOf(world, said.wamid)).replaceAll(said.wamid, `${said.wamid}GZ`)
      const member = gzipSync(Buffer.alloc(64 * MIB))
      const bomb = Buffer.concat(Array.from({ length: 40 }, () => member))
      const bodies: [string, Buffer, string][] = [
        ['a gzipped webhook', gzipSync(text), 'gzip'],
        ['a brotli webhook', brotliCompressSync(text), 'br'],
        ['a gzip bomb', bomb, 'gzip'],
        ['a gzip bomb said to be deflated', bomb, 'deflate'],
        ['a gzip bomb without a word', bomb, 'identity']
      ]
      const [puente] = world.puentes
      const before = puente!.memory()
      let most = before
      const watch = setInterval(() => {
        most = Math.max(most, puente!.memory())
      }, 20)
      for (const [name, body, encoding] of bodies) {
        const headers = { 'content-encoding': encoding, 'x-hub-signature-256': sign(secret, body) }
        const signed = await post(world, body, headers)
        if (signed >= 500) wrong.push(`${name}, signed: ${signed}`)
        const unsigned = await post(world, body, { ...headers, 'x-hub-signature-256': sign(`${secret}x`, body) })
        if (unsigned !== 401) wrong.push(`${name}, with a wrong signature: ${unsigned}`)
        const hook = await postHook(world, body, encoding)
        if (hook >= 500) wrong.push(`${name}, as a hook of the desk: ${hook}`)
      }
      await pause(200)
      clearInterval(watch)
      if (most - before > 96 * MIB) wrong.push(`memory grew by ${Math.round((most - before) / MIB)} MiB`)
      const { conversations } = await world.doors.view()
      const shown = conversations.flatMap(each => each.messages).filter(each => each.sourceId === `${said.wamid}GZ`)
      const [kept] = await world.query<{ n: number }>(
        `select count(*)::int as n from events where state = 2 and code = 'body_malformed'`
      )
      if (shown.length > 0) wrong.push('what the signature does not cover was delivered')
      if (kept!.n === 0) wrong.push('signed bodies that cannot be read were not kept for a person')
      return wrong
    }
  }
]

/** As the desk signs (contract: hooks), but with a secret of nobody; bytes are bytes, whatever they say of themselves. */
async function postHook(world: World, body: Buffer, encoding: string): Promise<number> {
  const inbox = (await world.query<{ key: string }>('select inbox_key as key from numbers'))[0]!
  const timestamp = String(Math.floor(Date.now() / 1000))
  const answer = await fetch(`${world.publicUrl}/webhooks/chatwoot/${inbox.key}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'content-encoding': encoding,
      'x-chatwoot-timestamp': timestamp,
      'x-chatwoot-signature': `sha256=${createHmac('sha256', 'nobody').update(timestamp).digest('hex')}`
    },
    signal: AbortSignal.timeout(20_000)
  })
  await answer.arrayBuffer()
  return answer.status
}
