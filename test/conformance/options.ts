/** The words of the command line of `npm run conformance`. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { RULES } from '../../plugin/core/rules.ts'

export const HELP = `npm run conformance -- --chatwoot-url U --account N --token T [options]

Checks every assumption that Puente's code makes about Chatwoot against a running one. Makes an inbox, contacts and
other things of its own, each with one tag in its name, and removes them at the end, also when interrupted.

  --chatwoot-url U     address of the desk
  --account N          number of the account
  --token T            an administrator's token; @FILE reads it from a file
  --agent-token T      an agent's token (a person who is no administrator), for what only an agent meets
  --hook-host H        name or address under which the desk reaches this machine (default: this machine's own address)
  --hook-port N        where to listen for hooks (default: any free port; 8421 with --hook-url)
  --hook-url U         the whole public address, when a tunnel or proxy stands between
  --hook-wait N        seconds to wait for a hook (default 20)
  --slow               also what takes long or loads the desk (the 200 rows of a minute)
  --keep               leave what was made in the desk
  --only TEXT          only checks whose id contains TEXT
  --json FILE          write {version, checks:[{id, assumption, holds, seen}]} there

  --graph-token T      also (or only) WhatsApp, with calls that change nothing; @FILE reads it from a file
  --waba N             the WhatsApp business account
  --phone-number-id N  one of its numbers (default: the first)
  --app-id N --app-secret S   what may be asked only in the app's name; @FILE reads it from a file
  --graph-url U --graph-version V

Exit: 0 all hold or need not, 1 something does not hold or was left behind, 2 wrong use, 3 not reachable.
`

export interface ConformanceOptions {
  desk?: {
    url: string
    accountId: number
    token: string
    agentToken?: string
    hook: { host?: string; port?: number; url?: string }
    hookWaitMs: number
  }
  graph?: {
    url: string
    version: string
    token: string
    wabaId: string
    phoneNumberId?: string
    app?: { id: string; secret: string }
  }
  slow: boolean
  keep: boolean
  only?: RegExp
  json?: string
}

export class WrongUse extends Error {}

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean', default: false } as const

/** Throws `WrongUse` with one sentence; null when help was asked for. */
export function readOptions(args: string[]): ConformanceOptions | null {
  const values = parse(args)
  if (values.help) return null
  const options: ConformanceOptions = { slow: values.slow, keep: values.keep }
  if (values.only !== undefined) options.only = new RegExp(values.only.replace(/[^\w|-]/g, ''), 'i')
  if (values.json !== undefined) options.json = values.json
  if (values['chatwoot-url'] !== undefined || values.token !== undefined) {
    const [port, waitSeconds] = [numberOf(values['hook-port'], 'hook-port'), numberOf(values['hook-wait'], 'hook-wait')]
    options.desk = {
      url: addressOf(need(values['chatwoot-url'], 'chatwoot-url'), 'chatwoot-url'),
      accountId: numberOf(need(values.account, 'account'), 'account') ?? 0,
      token: secretOf(need(values.token, 'token')),
      ...(values['agent-token'] === undefined ? {} : { agentToken: secretOf(values['agent-token']) }),
      hook: {
        ...(values['hook-host'] === undefined ? {} : { host: values['hook-host'] }),
        ...(port === undefined ? {} : { port }),
        ...(values['hook-url'] === undefined ? {} : { url: addressOf(values['hook-url'], 'hook-url') })
      },
      hookWaitMs: (waitSeconds ?? 20) * 1000
    }
  }
  if (values['graph-token'] !== undefined || values.waba !== undefined) {
    const id = digitsOf(values['app-id'], 'app-id')
    const phoneNumberId = digitsOf(values['phone-number-id'], 'phone-number-id')
    if ((id === undefined) !== (values['app-secret'] === undefined)) {
      throw new WrongUse('--app-id and --app-secret belong together')
    }
    options.graph = {
      url: addressOf(values['graph-url'] ?? RULES.graphUrl.value, 'graph-url'),
      version: values['graph-version'] ?? RULES.graphVersion.value,
      token: secretOf(need(values['graph-token'], 'graph-token')),
      wabaId: digitsOf(need(values.waba, 'waba'), 'waba')!,
      ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
      ...(id === undefined ? {} : { app: { id, secret: secretOf(values['app-secret'] ?? '') } })
    }
  }
  if (options.desk === undefined && options.graph === undefined) {
    throw new WrongUse('name a desk (--chatwoot-url, --account, --token) or a WhatsApp account (--graph-token, --waba)')
  }
  return options
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        'chatwoot-url': TEXT,
        account: TEXT,
        token: TEXT,
        'agent-token': TEXT,
        'hook-host': TEXT,
        'hook-port': TEXT,
        'hook-url': TEXT,
        'hook-wait': TEXT,
        'graph-token': TEXT,
        'graph-url': TEXT,
        'graph-version': TEXT,
        waba: TEXT,
        'phone-number-id': TEXT,
        'app-id': TEXT,
        'app-secret': TEXT,
        only: TEXT,
        json: TEXT,
        slow: FLAG,
        keep: FLAG,
        help: { ...FLAG, short: 'h' }
      }
    })
    return values
  } catch (error) {
    throw new WrongUse((error as Error).message)
  }
}

function need(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new WrongUse(`--${name} is missing`)
  return value
}

function addressOf(text: string, name: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new WrongUse(`--${name} must be an http or https address`)
  return text.replace(/\/+$/, '')
}

function numberOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new WrongUse(`--${name} must be a number`)
  return Number(text)
}

function digitsOf(text: string | undefined, name: string): string | undefined {
  if (text !== undefined && !/^\d{1,30}$/.test(text)) throw new WrongUse(`--${name} must be digits, as Meta shows it`)
  return text
}

/** What stands on a command line is seen by everybody on the machine: a file may hold it instead. */
function secretOf(text: string): string {
  if (!text.startsWith('@')) return text
  try {
    return readFileSync(text.slice(1), 'utf8').trim()
  } catch {
    throw new WrongUse(`cannot read ${text.slice(1)}`)
  }
}
