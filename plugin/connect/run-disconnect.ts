/** `puente disconnect NUMBER`: says what it will undo, asks, and undoes it. */
import { createConnections } from '../../adapters/postgres/connections.ts'
import type { Options } from '../options.ts'
import { withDatabase } from '../with-database.ts'
import { confirm } from './ask.ts'
import { openGround } from './ground.ts'
import { printJson, type Surroundings, wrongUse } from './run.ts'
import { disconnectNumber } from './undo.ts'

export interface DisconnectArguments {
  yes?: boolean
  json?: boolean
  force?: boolean
}

/** Exit code: 0 undone (also when it was before), 1 declined, or forced with something left to do by hand. */
export async function runDisconnect(
  options: Options,
  which: string,
  given: DisconnectArguments,
  io: Surroundings
): Promise<number> {
  const mayAsk = io.interactive && given.json !== true
  if (given.yes !== true && !mayAsk) throw wrongUse('disconnecting takes the number off Chatwoot and Meta; say --yes')
  const tell = (text: string): void => {
    if (given.json !== true) io.output.write(`${text}\n`)
  }
  return withDatabase(options, async (database, numbers, vault) => {
    const connections = createConnections(database.knex, vault)
    const known = await connections.find(which)
    if (known === null) {
      const all = (await connections.all()).filter(each => each.connected)
      const names = all.map(each => `${each.displayPhoneNumber} (${each.phoneNumberId})`).join(', ')
      throw wrongUse(`no number ${which} is known here; connected: ${names === '' ? 'none' : names}`)
    }
    if (!known.connected) {
      tell(`${known.displayPhoneNumber} is not connected.`)
      if (given.json === true) printJson(io, { phoneNumberId: known.phoneNumberId, did: [], left: [] })
      return 0
    }
    const { desks, numbers: records } = await numbers.list()
    const record = records.find(each => each.id === known.id)!
    const desk = desks.find(each => each.id === known.deskId)!
    const waiting = await connections.countWaiting(known.id)
    tell(
      [
        `${known.displayPhoneNumber} will no longer be served: its webhooks, hook, rule and folder go, and its tokens are`,
        `forgotten. Conversations stay in Chatwoot.${waiting > 0 ? ` ${waiting} messages still wait and will not be delivered.` : ''}`
      ].join('\n')
    )
    if (given.yes !== true && !(await confirm(io, 'Disconnect?'))) {
      tell('Nothing was changed.')
      return 1
    }
    const plan = {
      desk: { url: desk.url, accountId: desk.accountId, token: desk.token },
      whatsapp: {
        token: record.token,
        wabaId: record.wabaId,
        phoneNumberId: record.phoneNumberId,
        appId: record.appId,
        appSecrets: record.appSecrets,
        verifyToken: record.verifyToken
      },
      policy: null,
      locale: null
    }
    const publicUrl = options.publicUrl ?? `http://${options.host}:${options.port}`
    const ground = openGround(plan, { publicUrl, graphUrl: record.graphUrl, graphVersion: record.graphVersion })
    try {
      const { id: installation } = await numbers.installation()
      const undone = await disconnectNumber(ground, known, {
        numbers,
        connections,
        installation,
        force: given.force,
        step: text => tell(`  - ${text}`)
      })
      if (given.json === true) printJson(io, { phoneNumberId: known.phoneNumberId, ...undone })
      for (const each of undone.left) tell(`  ! Left to do by hand: ${each}`)
      tell(`\n  ${known.displayPhoneNumber} is disconnected.`)
      return undone.left.length === 0 ? 0 : 1
    } finally {
      ground.close()
    }
  })
}
