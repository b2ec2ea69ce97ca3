/** G6: files of customers that WhatsApp does not hand out as promised; each delivered, or a placeholder with its reason. */
import type { Fault } from '../../adapters/sandbox/parts.ts'
import type { ViewMessage } from './doors.ts'
import type { Scenario } from './scenario.ts'
import type { World } from './world.ts'

const download = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  on: 'call:graph',
  kind,
  match: 'GET /media/download',
  ...more
})

async function rowOf(world: World, wamid: string): Promise<ViewMessage | undefined> {
  const { conversations } = await world.doors.view()
  return conversations.flatMap(each => each.messages).find(message => message.sourceId === wamid)
}

/** Comes whole at the second try: the address is asked for anew, the damaged or stuck download thrown away. */
function healing(fault: string, faults: Fault[], quick = false): Scenario {
  return {
    id: 'G6',
    fault,
    moment: 'pictures of customers, more words behind each',
    quick,
    patienceMs: 90_000,
    // A file of 100 MB may cost 96 MiB (B9); these are small.
    bounds: { growthMiB: 64 },
    async play(world) {
      const chats = await world.load.openChats('setup', faults.length)
      const said = []
      for (const [index, each] of faults.entries()) {
        await world.doors.faults([each])
        const chat = chats[index]!
        said.push(await world.load.say('media', chat.phone, { type: 'image', media: { sample: 'jpeg' } }))
        await world.load.say('media', chat.phone)
        await world.settle(60_000)
        const [left] = (await world.doors.get('faults')) as Fault[]
        if (left?.count !== 0) return [`the fault ${each.kind} was never met`]
      }
      await world.doors.faults([])
      const wrong: string[] = []
      for (const [index, each] of said.entries()) {
        const row = await rowOf(world, each.wamid)
        if (row?.attachments.length !== 1) wrong.push(`after ${faults[index]!.kind} the picture did not arrive`)
      }
      return wrong
    }
  }
}

/** Never comes: one row with a placeholder that says why, and what is behind it goes on. */
async function placeholder(world: World, tag: string, phone: string, media: object, word: RegExp): Promise<string[]> {
  const said = await world.load.say(tag, phone, media)
  const next = await world.load.say(tag, phone)
  await world.settle(60_000)
  const [row, after] = [await rowOf(world, said.wamid), await rowOf(world, next.wamid)]
  const [event] = await world.query<{ state: number; code: string | null }>(
    'select state, code from events where key = $1',
    [`m:${said.wamid}`]
  )
  return [
    ...(row !== undefined && row.attachments.length === 0 && (row.content ?? '').length > 10
      ? []
      : [`${tag}: no placeholder, but ${JSON.stringify(row?.content ?? null)} with ${row?.attachments.length} files`]),
    ...(word.test(`${event?.code}`) ? [] : [`${tag}: the reason kept is ${event?.code}`]),
    ...(after === undefined ? [`${tag}: what stood behind it did not arrive`] : [])
  ]
}

export const MEDIA_ROWS: Scenario[] = [
  healing('media address gone (404) once', [download('status', { status: 404, count: 1 })]),
  healing('media download reset once', [download('reset', { count: 1 })], true),
  healing('media download says nothing', [download('timeout_after_accept', { count: 1 })]),
  healing('media damaged on the way (another hash)', [download('garbage', { count: 1 })]),
  healing('media shorter, and longer, than its content-length says', [
    download('garbage', { count: 1, body: { contentLength: 100 } }),
    download('garbage', { count: 1, body: { contentLength: 50_000_000 } })
  ]),
  {
    id: 'G6',
    fault: 'media gone for good, always damaged, and 100 MiB and a byte',
    moment: 'files of customers, more words behind each',
    patienceMs: 120_000,
    bounds: { growthMiB: 96 },
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const picture = { type: 'image', media: { sample: 'jpeg' } }
      await world.doors.faults([
        { on: 'call:graph', kind: 'status', match: 'GET /media', status: 404, body: { code: 100 } }
      ])
      const wrong = await placeholder(world, 'gone', chats[0]!.phone, picture, /^media_/)
      await world.doors.faults([download('garbage')])
      wrong.push(...(await placeholder(world, 'spoilt', chats[1]!.phone, picture, /^media_(mismatch|unfetched)$/)))
      await world.doors.faults([])
      const huge = { type: 'document', media: { sample: 'pdf', bytes: 100 * 1024 * 1024 + 1 } }
      wrong.push(...(await placeholder(world, 'huge', chats[2]!.phone, huge, /^media_too_large$/)))
      return wrong
    }
  }
]
