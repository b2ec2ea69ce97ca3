/** Counters and gauges in a registry of our own, so that a host's default registry is left alone. */
import { Counter, Gauge, Registry } from 'prom-client'

export interface Metrics {
  count(name: string, labels?: Record<string, string>, n?: number): void
  gauge(name: string, help: string, read: () => number | Map<string, number>): void
  text(): Promise<string>
  /** Sum over labels, for status. */
  total(name: string): number
}

/** What each counter counts; the metrics page of the docs is made from it. */
export const HELP: Record<string, string> = {
  webhooks: 'Webhooks of WhatsApp that were stored',
  webhook_refused: 'Webhooks with a wrong signature',
  webhook_malformed: 'Signed webhooks that are no usable JSON',
  journal_lost: 'Pages of acknowledged webhooks that were gone before anything had sorted them',
  sorting_failed: 'Rounds of sorting acknowledged webhooks that failed and were repeated',
  hook_refused: 'Hooks of the desk with a wrong signature',
  hook_malformed: 'Signed hooks of the desk that are no usable JSON',
  too_old: 'Items older than the dedupe memory: counted, not delivered',
  before_connecting: 'Items older than the connecting of their number: stored and counted, not delivered',
  duplicates_differ: 'Messages that came a second time under the same id with other content; the first stays',
  inbound_delivered: 'Facts of customers that reached the desk',
  outbound: 'Messages of the desk by final state',
  send_failed: 'Sends that WhatsApp refused or that got no answer',
  set_aside: 'Items that cannot be processed now',
  parked: 'Answers parked because the window is closed',
  parked_sent: 'Parked answers that were sent',
  parked_recalled: 'Parked answers that a person took back',
  instructions: 'Messages asked for through the tab, the REST API and hooks of macros',
  instructions_failed: 'Of those, the ones that could not be written into the desk',
  instructions_left: 'Of those, the ones that a request had to leave to the beat',
  uncertain: 'Sends whose outcome stayed unknown',
  ticks: 'Statuses told to the desk',
  retries: 'Messages sent again because a person asked',
  remapped: 'Conversations mapped again after the desk deleted them',
  contacts_adopted: 'Contacts that the desk had already',
  recipients_found: 'Recipients learnt from the desk, where only it knew the phone',
  twins_unchecked: 'Repeated writes whose second row could not be looked for',
  twins_deleted: 'Rows that were written twice and deleted',
  templates_mirrored: 'Times that the list of Chatwoot’s template button was written',
  rates_failed: 'Readings of what messages cost that failed, by code',
  templates_failed: 'Readings of templates, or writings of that list, that failed, by code',
  number_unread: 'Readings of what Meta thinks of a number that failed, by code',
  numbers_unheard: 'Changes of numbers that could not be noted at once; the poll finds them',
  templates_unheard: 'Changes of templates that could not be noted at once; the poll finds them',
  missed_hooks: 'Messages found by reconciliation',
  desk_mended: 'Changes in the desk that send no hook, found and put right',
  attributes_written: 'Writes of conversation attributes',
  attributes_restored: "Writes of attributes that undid somebody's change, and put it back",
  desk_paused: 'Pauses of a desk',
  number_paused: 'Pauses of a number',
  courtesy_failed: 'Read marks and typing signs that failed'
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const counters = new Map<string, Counter>()
  const totals = new Map<string, number>()
  return {
    count(name, labels = {}, n = 1) {
      let counter = counters.get(name)
      if (counter === undefined) {
        counter = new Counter({
          name: `puente_${name}_total`,
          help: HELP[name] ?? name,
          labelNames: Object.keys(labels),
          registers: [registry]
        })
        counters.set(name, counter)
      }
      counter.inc(labels, n)
      totals.set(name, (totals.get(name) ?? 0) + n)
    },
    gauge(name, help, read) {
      new Gauge({
        name: `puente_${name}`,
        help,
        labelNames: ['of'],
        registers: [registry],
        collect() {
          const value = read()
          if (typeof value === 'number') this.set({ of: 'all' }, value)
          else for (const [of, each] of value) this.set({ of }, each)
        }
      })
    },
    text: () => registry.metrics(),
    total: name => totals.get(name) ?? 0
  }
}
