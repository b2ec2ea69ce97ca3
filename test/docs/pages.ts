/** The generated pages of the docs, as texts. Each comes from the place where the product itself reads it. */
import { ERROR_TABLE, type ErrorCode } from '../../plugin/core/errors.ts'
import { policySchema } from '../../plugin/core/registry.ts'
import { en } from '../../plugin/core/texts/en.ts'
import { type Manifest, readManifest } from '../../plugin/manifest.ts'
import { HELP } from '../../plugin/metrics.ts'
import { listOptions } from '../../plugin/options.ts'
import { RULES_WANTED } from './rules.ts'
import { listGauges, listNumberedTests, type NumberedTest } from './scan.ts'

const NOTE = '<!-- Made by `npm run docs`. Change the source, not this page. -->'

/** Path → text, of every generated file. */
export function makePages(): Record<string, string> {
  return {
    'docs/options.md': makeOptions(),
    'docs/manifest.md': makeManifest(readManifest()),
    'docs/errors.md': makeErrors(),
    'docs/metrics.md': makeMetrics(),
    'docs/rules.md': makeRules(listNumberedTests()),
    '.env.example': makeEnvironment()
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')

export function makeOptions(): string {
  const options = listOptions().map(row => [`\`${row.name}\``, `\`${row.env}\``, row.fallback, row.about])
  const defaults = policySchema.parse({}) as Record<string, unknown>
  const policy = readManifest().config.policy.map(({ path, about }) => [
    `\`${path}\``,
    `\`${JSON.stringify(defaults[path])}\``,
    about ?? ''
  ])
  return `${NOTE}
# Options

Each option has two names: the plugin takes it in camelCase, the commands read it from the environment. A wrong option names itself, what it got and what it wants; the start ends with exit code 2.

${table(['Option', 'Variable', 'Without it', 'Meaning'], options)}

The plugin takes \`prefix\` too: everything of Puente moves under it.

## Policy of a number

Set per number, under \`policy\` in \`number.json\`. Unknown keys are an error that names them.

${table(['Key', 'Without it', 'Meaning'], policy)}
`
}

/** What `manifest.json` declares, as an admin reads it before connecting. */
export function makeManifest({ host, needs, hooks, webhooks, offers, config }: Manifest): string {
  const rights = [
    ...needs.chatwoot.map(each => [host.name, each.right, each.for]),
    ...needs.whatsapp.map(each => ['WhatsApp', `\`${each.right}\``, each.for])
  ]
  const fields = config.number.map(({ path, required, secret, about }) => [
    `\`${path}\``,
    required === true ? 'yes' : 'no',
    secret === true ? 'yes' : 'no',
    about ?? ''
  ])
  const attributes = offers.attributes.map(({ key, type, name, about }) => [
    `\`${key}\``,
    type,
    name.en,
    name.es,
    name['pt-BR'],
    about
  ])
  const listed = (names: readonly string[]): string => names.map(name => `\`${name}\``).join(', ')
  return `${NOTE}
# What Puente needs and what it makes

From \`manifest.json\`, by which \`puente connect\` asks, makes and checks. ${host.name} ${host.minimum} or newer; from ${host.signedFrom} on its hooks are signed; from ${host.privateHooksRefusedFrom} on it calls private addresses only where it is told to.

## Rights

${table(['At', 'Right', 'For'], rights)}

## \`number.json\`

A secret may be given as \`{"env":"NAME"}\` or \`{"file":"PATH"}\` instead of in clear. Policy: [options](options.md#policy-of-a-number).

${table(['Field', 'Needed', 'Secret', 'Meaning'], fields)}

## In Chatwoot

An inbox for each number, whose hooks Puente reads: ${listed(hooks)}. Once for the account the tab \`${offers.dashboardApp.title}\`, the label \`${offers.label.title}\` and the conversation attributes below; for each number a rule that sets the label, and the folder \`${offers.folder.name}\`. On contacts the link \`${offers.contactLink.key}\` (${offers.contactLink.name.en}) · ${offers.contactLink.about}.

${table(['Attribute', 'Type', 'English', 'Spanish', 'Portuguese', 'Meaning'], attributes)}

## At Meta

To the number's own callback come ${listed(webhooks.number)}. The app's callback brings the rest where it leads here; otherwise Puente polls: ${listed(webhooks.account)}.
`
}

export function makeErrors(): string {
  const rows = Object.entries(ERROR_TABLE).map(([code, row]) => [
    `\`${code}\``,
    row.meaning,
    en[`error.${code as ErrorCode}`],
    row.certainty.replaceAll('_', ' '),
    row.remedy.replaceAll('_', ' '),
    row.scope
  ])
  return `${NOTE}
# Errors

Codes are public: they do not change their meaning. They appear in HTTP answers (\`application/problem+json\`, field \`code\`), in log lines, in metrics, in \`puente status\` and, where a message failed, behind the sentence that the agent reads in the desk (there Meta's own code stands in its place where there is one, since that is what people search for). Sentences exist in English, Spanish and Brazilian Portuguese; here are the English ones.

- *Did it happen?* \`did not happen\`: nothing was sent or written. \`may have happened\`: no answer came; never repeated blindly.
- *Remedy*: \`retry\` and \`wait\` need nobody, \`fix message\` needs the agent, \`fix setup\` and \`reauthorise\` need the admin, \`never\` means that repeating is pointless.
- *Pauses*: what has to wait meanwhile; \`message\` pauses nothing else.

${table(['Code', 'Meaning', 'What the agent reads', 'Did it happen?', 'Remedy', 'Pauses'], rows)}
`
}

export function makeMetrics(): string {
  const counters = Object.entries(HELP).map(([name, help]) => [`\`puente_${name}_total\``, 'counter', help])
  const gauges = listGauges().map(({ name, help }) => [`\`puente_${name}\``, 'gauge', help])
  return `${NOTE}
# Metrics

Prometheus text at \`/metrics\` under the prefix, of this process alone; with several processes, scrape each. A counter appears when it first counts. No label ever holds a phone, a name or a text.

${table(['Name', 'Kind', 'Meaning'], [...counters, ...gauges])}
`
}

export function makeRules(tests: NumberedTest[]): string {
  const numbers = Object.keys(RULES_WANTED).map(Number)
  const of = (rule: number): NumberedTest[] => tests.filter(test => test.rules.includes(rule))
  const proved = numbers.filter(rule => of(rule).length > 0)
  const open = numbers.filter(rule => of(rule).length === 0)
  const sections = proved.map(rule => {
    const lines = of(rule).map(test => `- \`${test.file}\`: ${test.name}`)
    return `### S${rule} · ${RULES_WANTED[rule]}\n${[...new Set(lines)].join('\n')}`
  })
  return `${NOTE}
# Rules

What the product has to do, rule by rule, with the tests whose names carry the rule's number. A rule without a test is not claimed. ${proved.length} of ${numbers.length} rules have one.

## Rules with tests

${sections.join('\n\n')}

## Rules still without a test

${open.map(rule => `- S${rule} · ${RULES_WANTED[rule]}`).join('\n')}
`
}

export function makeEnvironment(): string {
  const lines = listOptions().map(row => `# ${row.about} (without it: ${row.fallback})\n#${row.env}=`)
  return `# Every variable that Puente reads. Made by \`npm run docs\`. None is needed to try it.\n\n${lines.join('\n\n')}\n`
}
