/** Connects the number of the sandbox: the steps of any number, against the stand-ins. */
import { connectNumber, readNumberFile } from './connect.ts'
import type { Runtime } from './runtime.ts'

interface SandboxConfig {
  graph: { url: string }
  numbers: unknown[]
}

/** Reads what the sandbox says of itself and connects each of its numbers; older sandboxes' numbers are let go. */
export async function readSandboxNumber(runtime: Runtime, deskUrl: string, publicUrl: string): Promise<void> {
  const answer = await fetch(`${deskUrl}/__config`, { signal: AbortSignal.timeout(5_000) })
  const config = (await answer.json()) as SandboxConfig
  const { bridge } = runtime
  const files = config.numbers.map(number => readNumberFile(number))
  const current = new Set(files.map(file => file.whatsapp.phoneNumberId))
  for (const number of bridge.registry.numbers()) {
    if (number.sandbox && !current.has(number.phoneNumberId)) await bridge.numbers.disconnect(number.id)
  }
  for (const file of files) {
    await connectNumber(file, {
      numbers: bridge.numbers,
      connections: runtime.connections,
      installation: runtime.installation,
      publicUrl,
      graphUrl: config.graph.url,
      graphVersion: 'v25.0',
      sandbox: true,
      env: {},
      // The stand-in's page shows no sidebar; a rule that labels would only add rows to each conversation.
      without: ['picture', 'label', 'rule', 'folder'],
      onSaved: () => runtime.refresh()
    })
  }
  if (bridge.publicUrl() === null) runtime.servedAt(publicUrl)
  await runtime.refresh()
  runtime.jobs.wake()
}
