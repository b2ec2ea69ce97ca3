/** The one screen that `puente start` shows on a terminal: where to look, what is embedded, what comes next. */
import type { Options } from './options.ts'

export function describeStart(facts: {
  url: string
  embedded: boolean
  options: Options
  sandboxUrl: string | null
}): string {
  const { options } = facts
  const lines = [
    '',
    '  Puente is running.',
    '',
    ...(facts.sandboxUrl === null
      ? []
      : [`  Open      ${facts.sandboxUrl}   (a WhatsApp phone and a help desk to try)`]),
    `  Puente    ${facts.url}`,
    `  Health    ${facts.url}/readyz   ${facts.url}/metrics`,
    '',
    `  Database  ${facts.embedded ? `embedded PostgreSQL in ${options.dataDir}` : 'PostgreSQL by PUENTE_DATABASE_URL'}`,
    `  Jobs      ${options.redisUrl === undefined ? 'in process' : 'Bull on Redis'}`,
    `  Numbers   ${facts.sandboxUrl === null ? 'see: puente status' : 'only the sandbox; nothing leaves this machine'}`,
    '',
    '  Connect a real number:   npx puente connect --file number.json --yes',
    '  Stop:                    Ctrl-C',
    ''
  ]
  return lines.join('\n')
}
