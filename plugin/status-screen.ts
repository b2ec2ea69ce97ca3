/** A status for people: one screen, what needs a person last, where the eye ends. */
import type { NumberStatus, Status } from './status.ts'

export function printStatus(status: Status): string {
  const { numbers, processes, needsPerson } = status
  const people =
    needsPerson.length === 0
      ? 'Nothing needs a person.'
      : `Needs a person:\n${needsPerson.map(each => `  - ${each}`).join('\n')}`
  const ofNone = status.setAsideOfNone.map(each => `${each.code} ×${each.count}`).join(', ')
  const apart = ofNone === '' ? '' : `set aside, of no connected number: ${ofNone}\n`
  const running = processes === 1 ? '1 process running.' : `${processes} processes running.`
  return `${numbers.length === 0 ? 'No number is connected.' : numbers.map(printNumber).join('\n')}\n${apart}${running}\n${people}\n`
}

function printNumber(number: NumberStatus): string {
  const { waiting, desk } = number
  const name = number.displayPhoneNumber || number.phoneNumberId
  const state = number.pausedCode === null ? number.state : `paused (${number.pausedCode})`
  const version = desk.version === null ? '' : ` ${desk.version}`
  const lines = [
    `${name}  ${state}${number.proven ? '' : ', unproven'}  ·  inbox ${number.inboxId} of Chatwoot${version} ${desk.url}`,
    `  waiting: ${waiting.inbound} in, ${waiting.outbound} out, ${number.ticksWaiting} ticks; oldest ${waiting.oldestSeconds} s`,
    `  last customer message ${ago(number.lastInboundSeconds)}, desk read ${ago(number.reconciledSeconds)}`,
    `  parked ${number.parked}, uncertain ${number.uncertain}, failed today ${number.failedLastDay}, set aside ${number.setAside}`
  ]
  if (number.lastErrors.length > 0)
    lines.push(`  errors today: ${number.lastErrors.map(each => `${each.code} ×${each.count}`).join(', ')}`)
  if (number.mended.length > 0)
    lines.push(`  mended this week: ${number.mended.map(each => `${each.what} ×${each.count}`).join(', ')}`)
  lines.push(...number.off.map(each => `  ${each}`))
  return lines.join('\n')
}

function ago(seconds: number | null): string {
  if (seconds === null) return 'never'
  if (seconds < 120) return `${Math.max(0, seconds)} s ago`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`
}
