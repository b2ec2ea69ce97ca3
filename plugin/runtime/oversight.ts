/** Makes what the admin pages look at, of the same parts as `puente status`, `puente doctor` and `puente replay`. */

import type { Database } from '../../adapters/postgres/database.ts'
import type { SecretSealer } from '../../adapters/postgres/numbers.ts'
import { createOversightReads } from '../../adapters/postgres/oversight.ts'
import { replayEvents } from '../../adapters/postgres/replay.ts'
import { findNeeds } from '../core/needs.ts'
import type { Oversight } from '../core/ports/oversight.ts'
import type { Numbers } from '../core/ports/store.ts'
import type { Options } from '../options.ts'
import { readStatus } from '../status.ts'

export interface OversightParts {
  database: Database
  numbers: Numbers
  vault: SecretSealer
  options: Options
  wake(): void
}

/** Of all subjects, what concerns whoever runs Puente, not an account of Chatwoot. */
const GROUND = new Set(['Puente', 'PostgreSQL', 'disk', 'Redis'])

/** Some checks are about one side of a number: `WhatsApp, for +34 …`. */
const belongsTo = (about: string, shown: string): boolean =>
  shown !== '' && (about === shown || about.endsWith(` ${shown}`))

export function createOversight({ database, numbers, vault, options, wake }: OversightParts): Oversight {
  const reads = createOversightReads(database.people)

  /** As if nothing else were connected. */
  const only = (deskId: number | null): Numbers => ({
    ...numbers,
    async list() {
      const all = await numbers.list()
      if (deskId === null) return all
      return {
        desks: all.desks.filter(desk => desk.id === deskId),
        numbers: all.numbers.filter(number => number.deskId === deskId)
      }
    }
  })

  return {
    async numbers(deskId) {
      const { numbers: records } = await only(deskId).list()
      const status = await readStatus(database, only(deskId), new Date(), vault)
      return Promise.all(
        status.numbers.flatMap(row => {
          const record = records.find(each => each.phoneNumberId === row.phoneNumberId)
          if (record === undefined) return []
          const { id, deskId: ofDesk, verifiedName, throughputPerSecond } = record
          const needs = findNeeds(row, status.processes)
          const more = { id, deskId: ofDesk, verifiedName, throughputPerSecond, needs }
          return [reads.facts(id).then(facts => ({ ...row, ...more, ...facts }))]
        })
      )
    },

    async aside(deskId) {
      const { numbers: records } = await only(deskId).list()
      // What belongs to no number is nobody's but the installation's.
      return reads.aside([...records.map(record => record.id), ...(deskId === null ? [0] : [])])
    },

    async takeUp(deskId, choices) {
      const { numbers: records } = await only(deskId).list()
      let taken = 0
      for (const { numberId, kind, outbound, code } of choices) {
        const isOurs = numberId === 0 ? deskId === null : records.some(record => record.id === numberId)
        if (!isOurs) continue
        const items = await replayEvents(database.work, {
          cause: code,
          aside: { numberId, kind, outbound },
          dryRun: false
        })
        taken += items.length
      }
      if (taken > 0) wake()
      return taken
    },

    async examine(deskId, told) {
      // Large, and rarely needed.
      const { examine } = await import('../doctor/doctor.ts')
      const { numbers: records } = await only(deskId).list()
      const concerns = (about: string): boolean => deskId === null || !GROUND.has(about)
      const diagnosis = await examine({
        database,
        numbers: only(deskId),
        vault,
        options,
        told: about => concerns(about) && told(about)
      })
      const findings = diagnosis.checks.map(({ id, state, about, says, remedy }) => {
        const numberId = records.find(record => belongsTo(about, record.displayPhoneNumber))?.id ?? null
        return { id, state, numberId, about, says, remedy: remedy ?? null }
      })
      return {
        at: new Date(diagnosis.at),
        findings: findings.filter(finding => concerns(finding.about))
      }
    }
  }
}
