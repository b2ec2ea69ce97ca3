/** A diagnosis for people: by subject, troubles with their remedy, and what is well in one line each. */
import type { Diagnosis } from './finding.ts'

const SIGNS = { ok: '✓', warn: '!', fail: '✗' } as const

export function printDiagnosis(diagnosis: Diagnosis): string {
  const subjects = [...new Set(diagnosis.checks.map(check => check.about))]
  const blocks = subjects.map(about => {
    const lines = diagnosis.checks
      .filter(check => check.about === about)
      .flatMap(check => [
        `  ${SIGNS[check.state]} ${check.says}`,
        ...(check.remedy === undefined ? [] : [`      → ${check.remedy}`])
      ])
    return `${about}\n${lines.join('\n')}`
  })
  const fails = diagnosis.checks.filter(check => check.state === 'fail').length
  const warns = diagnosis.checks.filter(check => check.state === 'warn').length
  const sum =
    fails + warns === 0
      ? 'All is well.'
      : [
          ...(fails === 0 ? [] : [`${fails} ${fails === 1 ? 'thing falls' : 'things fall'} short`]),
          ...(warns === 0 ? [] : [`${warns} ${warns === 1 ? 'thing needs' : 'things need'} a look`])
        ].join(', ')
  return `${blocks.join('\n\n')}\n\n${sum.endsWith('.') ? sum : `${sum}.`}\n`
}
