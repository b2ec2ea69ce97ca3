/**
 * Puente as a process of its own under the bench: the real server, told over IPC to connect the sandbox's number, to
 * hold or start delivery, and (for the limit of R2) to answer without storing.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseBody } from '../../../adapters/whatsapp-cloud/from-wire.ts'
import { type OptionsInput, readOptions } from '../../../plugin/options.ts'
import type { Injected } from '../../../plugin/runtime.ts'
import { readSandboxNumber } from '../../../plugin/sandbox-number.ts'
import { startServer } from '../../../plugin/server.ts'

export interface PuenteTask {
  options: OptionsInput
  injected: Injected
}

export type PuenteOrder =
  | { order: 'connect'; deskUrl: string; publicUrl?: string }
  | { order: 'pause'; paused: boolean }
  | { order: 'store'; stored: boolean }
  | { order: 'depth' }
  | { order: 'collect' }

const task = JSON.parse(process.argv[2]!) as PuenteTask
const server = await startServer(readOptions(task.options), task.injected)
const { runtime } = server.app.puente
const { intake } = runtime.bridge
const { journal } = runtime
const append = journal.append

/** What R2 is measured against: verified and parsed, stored nowhere. */
async function parse(raw: Buffer): Promise<void> {
  parseBody(raw)
}

async function obey(order: PuenteOrder): Promise<unknown> {
  switch (order.order) {
    case 'connect':
      await readSandboxNumber(runtime, order.deskUrl, order.publicUrl ?? server.url)
      return null
    case 'pause':
      runtime.pump.pause(order.paused)
      runtime.sorter.pause(order.paused)
      return null
    case 'store':
      journal.append = order.stored ? append : parse
      return null
    case 'depth':
      return {
        rows: intake.depth().rows + journal.depth().waiting + (runtime.sorter.isIdle() ? 0 : 1),
        held: runtime.pump.held(),
        limits: readLimits()
      }
    case 'collect':
      setFlagsFromString('--expose-gc')
      runInNewContext('gc')()
      return null
  }
}

function readLimits(): number[] {
  return runtime.bridge.registry.desks().map((desk: { id: number }) => runtime.bridge.pace(desk.id).limit())
}

process.on('message', message => {
  const { n, ...order } = message as PuenteOrder & { n: number }
  obey(order as PuenteOrder).then(
    answer => process.send!({ n, answer }),
    error => process.send!({ n, error: String((error as Error).stack) })
  )
})
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)))
process.on('disconnect', () => process.exit(0))
process.send!({ ready: server.url })
