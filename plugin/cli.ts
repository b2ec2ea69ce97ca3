#!/usr/bin/env node
/**
 * The commands (interface: Commands). Reads the environment, prints for people or as JSON, and ends with 0 well,
 * 1 something falls short, 2 wrong use or configuration, 3 a needed service cannot be reached.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError } from 'commander'
import { PuenteError } from './core/errors.ts'
import { listOptions, type Options, optionsFromEnvironment, readOptions } from './options.ts'

const root = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  import.meta.url.endsWith('.ts') ? '..' : '../..'
)
const version = (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version

function environmentOptions(): Options {
  const given = optionsFromEnvironment(process.env)
  return readOptions({ ffmpeg: findOnPath('ffmpeg', process.env.PATH), ...given })
}

function findOnPath(program: string, folders = ''): string | undefined {
  return folders
    .split(path.delimiter)
    .filter(folder => folder !== '')
    .map(folder => path.join(folder, program))
    .find(file => existsSync(file))
}

const program = new Command('puente')
  .description('The WhatsApp channel for Chatwoot')
  .version(version)
  .showHelpAfterError()
  .exitOverride()
  .addHelpText('after', () => {
    const rows = listOptions()
    const width = Math.max(...rows.map(row => row.env.length))
    return `\nEnvironment:\n${rows.map(row => `  ${row.env.padEnd(width)}  ${row.about} (${row.fallback})`).join('\n')}\n`
  })

program
  .command('start')
  .description('the server; with no number connected, the sandbox too')
  .action(async () => {
    const { startParent } = await import('./start.ts')
    process.exitCode = await startParent(environmentOptions(), path.join(root, 'dist', 'sandbox-page'))
  })

program
  .command('serve')
  .description('the server alone, in this process')
  .option('--log-level <level>', 'instead of PUENTE_LOG_LEVEL')
  .action(async (given: { logLevel?: string }) => {
    const { serve } = await import('./server.ts')
    const options = environmentOptions()
    await serve(given.logLevel === undefined ? options : readOptions({ ...options, logLevel: given.logLevel }))
  })

program
  .command('sandbox')
  .description('the stand-ins of WhatsApp and Chatwoot as a process of their own')
  .option('--graph-port <n>', 'port of the WhatsApp stand-in', '0')
  .option('--desk-port <n>', 'port of the Chatwoot stand-in', '0')
  .option('--seed <n>', 'makes it deterministic')
  .option('--data-dir <dir>', 'keeps its state there')
  .option('--page-dir <dir>', 'the built page', path.join(root, 'dist', 'sandbox-page'))
  .option('--numbers <n>', 'how many business numbers')
  .action(async (given: Record<string, string>) => {
    const { readSandboxArguments, runSandbox } = await import('../adapters/sandbox/process.ts')
    const args = Object.entries(given).flatMap(([name, value]) => [
      `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`,
      value
    ])
    await runSandbox(readSandboxArguments(args))
  })

/** Where commands read and write, and whether a person sits there. */
function surroundings() {
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
  return { input: process.stdin, output: process.stdout, interactive, env: process.env }
}

program
  .command('connect')
  .description('connect a WhatsApp number to a Chatwoot account; asks for what it needs, or reads a file')
  .option('--file <number.json>', 'what to connect (see the README)')
  .option('--yes', "accept Meta's terms without being asked")
  .option('--wait <seconds>', 'how long to wait for the code from a phone', seconds => Number(seconds))
  .option('--json', 'print JSON')
  .action(async (given: { file?: string; yes?: boolean; json?: boolean; wait?: number }) => {
    const { runConnect } = await import('./connect/run.ts')
    process.exitCode = await runConnect(environmentOptions(), given, surroundings())
  })

program
  .command('disconnect')
  .description('undo what connect made; the history stays')
  .argument('<number>', 'phone number id, or the number itself')
  .option('--yes', 'without being asked')
  .option('--force', 'also when Chatwoot or Meta cannot be reached; says what is left to do by hand')
  .option('--json', 'print JSON')
  .action(async (which: string, given: { yes?: boolean; force?: boolean; json?: boolean }) => {
    const { runDisconnect } = await import('./connect/run-disconnect.ts')
    process.exitCode = await runDisconnect(environmentOptions(), which, given, surroundings())
  })

program
  .command('doctor')
  .description(
    'checks all that Puente needs, each with what to do; ends with 1 if something falls short, 3 if not reached'
  )
  .option('--json', 'print JSON')
  .action(async (given: { json?: boolean }) => {
    const { runDoctor } = await import('./doctor/run.ts')
    process.exitCode = await runDoctor(environmentOptions(), given)
  })

program
  .command('status')
  .description('numbers, waiting work, last errors, and whether anything needs a person')
  .option('--json', 'print JSON')
  .action(async (given: { json?: boolean }) => {
    const { runStatus } = await import('./cli-commands.ts')
    process.exitCode = await runStatus(environmentOptions(), given)
  })

program
  .command('replay')
  .description('take items up again that were set aside')
  .option('--id <id...>', 'items by id')
  .option('--cause <code>', 'items by cause, for example media_gone')
  .option('--since <age>', 'items of the last days or hours, for example 30d or 12h')
  .option('--dry-run', 'only say what would be taken up')
  .option('--json', 'print JSON')
  .action(async (given: { id?: string[]; cause?: string; since?: string; dryRun?: boolean; json?: boolean }) => {
    const { runReplay } = await import('./cli-commands.ts')
    process.exitCode = await runReplay(environmentOptions(), given)
  })

program
  .command('admin-link')
  .description('a link to the admin pages; it works once, within ten minutes')
  .option('--json', 'print JSON')
  .action(async (given: { json?: boolean }) => {
    const { runAdminLink } = await import('./admin-link.ts')
    process.exitCode = await runAdminLink(environmentOptions(), given, process.stdout)
  })

const apiKey = program.command('api-key').description('keys for scripts that send through the REST API')
for (const [act, about] of [
  ['create', 'make a key; it is shown once'],
  ['list', 'the keys that there are'],
  ['revoke', 'end a key']
] as const) {
  const command = apiKey.command(act).description(about)
  if (act === 'revoke') command.argument('<id>', 'as `list` shows it')
  if (act === 'create') command.requiredOption('--name <name>', 'what it is for')
  if (act !== 'revoke') command.option('--account <id>', 'Chatwoot account, where several are connected')
  command.option('--json', 'print JSON').action(async (...args: unknown[]) => {
    const { runApiKey } = await import('./api-key.ts')
    const [first, second] = args as [unknown, unknown]
    const given = (act === 'revoke' ? second : first) as { name?: string; account?: string; json?: boolean }
    const id = act === 'revoke' ? String(first) : undefined
    process.exitCode = await runApiKey(environmentOptions(), act, id, given, process.stdout)
  })
}

/** Exit code of a failure, after saying it in words that help. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof PuenteError) {
    const { problems, ...facts } = error.facts
    const details =
      problems === undefined
        ? Object.entries(facts).map(([key, value]) => `${key}: ${value}`)
        : String(problems).split('\n')
    process.stderr.write(
      `\nPuente cannot go on: ${error.message}\n${details.map(line => `  - ${line}`).join('\n')}\n\n`
    )
    if (error.code === 'config_invalid' || error.code === 'database_unsafe' || error.code === 'vault_unreadable')
      return 2
    return /^(database|desk|wa)_(unavailable|unreachable|no_answer)$/.test(error.code) ? 3 : 1
  }
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    process.stderr.write(`\nPuente cannot listen: the port is taken. Set PUENTE_PORT to another.\n\n`)
    return 2
  }
  process.stderr.write(`\nPuente cannot go on: ${(error as Error).stack ?? String(error)}\n\n`)
  return 1
}

if (!existsSync(path.join(root, 'package.json'))) process.exitCode = 1
// Whoever reads has seen enough (`puente --help | head`): no reason for a stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
  // Handles that a failed start left open must not keep a dead command alive.
  setTimeout(() => process.exit(), 500).unref()
}
