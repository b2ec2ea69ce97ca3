/** C9: SIGKILL in the middle of large files; nothing half must be shown, sent or left on the disk. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Of every file that the desk shows, its hash must be one that somebody sent: a part of a file is none. */
async function partsOfFiles(world: World): Promise<string[]> {
  const hooks = await world.doors.ledger('&side=graph&what=hook&name=message')
  const whole = new Set<string>()
  for (const found of JSON.stringify(hooks.map(entry => entry.body)).matchAll(/"sha256":"([^"]+)"/g))
    whole.add(Buffer.from(found[1]!.replaceAll('\\/', '/'), 'base64').toString('hex'))
  const { conversations } = await world.doors.view()
  const incoming = conversations.flatMap(each => each.messages).filter(each => each.type === 'incoming')
  const files = incoming.flatMap(each => each.attachments)
  const wrong = files.filter(file => file.sha256 === null || !whole.has(file.sha256))
  // On the way out WhatsApp saw what the desk holds.
  const own = conversations.flatMap(each => each.messages).filter(each => each.type === 'outgoing')
  const held = new Set(own.flatMap(each => each.attachments.map(file => file.sha256)))
  const sent = (await world.doors.ledger('&side=graph&what=effect&name=sent')).filter(
    entry => entry.ids['sha256'] != null
  )
  const strange = sent.filter(entry => !held.has(String(entry.ids['sha256'])))
  return [
    ...(wrong.length > 0 ? [`${wrong.length} files in the desk are not what the customer sent`] : []),
    ...(strange.length > 0 ? [`${strange.length} files left that are not what the agent attached`] : [])
  ]
}

export function tornFiles(): Scenario {
  return {
    id: 'C9',
    fault: 'SIGKILL',
    moment: 'in the middle of a file, both directions',
    allows: { uncertain: 'dead' },
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      const wrong: string[] = []
      for (let run = 0; run < 3; run++) {
        const media = { sample: 'pdf', bytes: 60_000_000 }
        await world.load.say('file', world.load.newPhone(), { type: 'document', text: undefined, media })
        await world.load.reply('file', chat!, {
          from: { attachments: [{ name: `file-big-${run}.pdf`, type: 'application/pdf', size: 40_000_000 }] }
        })
        world.load.replies.at(-1)!.units = [`file-big-${run}.pdf`]
        await eventually(async () => spooledBytes(world) > 0, 4_000)
        await pause(world.load.random() * 60)
        await world.kill(world.puentes.at(-1)!)
        wrong.push(...(await partsOfFiles(world)))
        await world.start()
      }
      await world.settle(60_000)
      const left = spooledBytes(world)
      const { conversations } = await world.doors.view()
      const files = conversations.flatMap(each => each.messages).filter(each => each.attachments.length > 0)
      return [
        ...wrong,
        ...(await partsOfFiles(world)),
        ...(left > 0 ? [`${left} bytes of temporary files are left`] : []),
        ...(files.length === 6 ? [] : [`${files.length} of 6 files are in the desk`])
      ]
    }
  }
}

function spooledBytes(world: World): number {
  try {
    const names = readdirSync(join(world.dataDir, 'tmp'), { recursive: true, encoding: 'utf8' })
    return names.reduce((sum, name) => {
      const found = statSync(join(world.dataDir, 'tmp', name), { throwIfNoEntry: false })
      return sum + (found?.isFile() ? found.size : 0)
    }, 0)
  } catch {
    return 0
  }
}
