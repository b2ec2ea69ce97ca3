// The troubles a person can switch on: each chip stands for one or two faults of `POST /__faults`.
import type { Fault } from '../../../parts.ts'

export interface FaultPreset {
  id: string
  label: string
  hint: string
  group: 'WhatsApp' | 'Desk'
  faults: Omit<Fault, 'id'>[]
}

export const faultPresets: FaultPreset[] = [
  {
    id: 'duplicate',
    group: 'WhatsApp',
    label: 'Duplicate',
    hint: 'Every webhook arrives twice. The desk must still show each message once.',
    faults: [{ on: 'hook:graph', kind: 'duplicate' }]
  },
  {
    id: 'reorder',
    group: 'WhatsApp',
    label: 'Reorder',
    hint: 'Webhooks overtake one another. Ticks must never go back.',
    faults: [{ on: 'hook:graph', kind: 'reorder' }]
  },
  {
    id: 'delay',
    group: 'WhatsApp',
    label: 'Delay 3 s',
    hint: 'Every webhook arrives three seconds late.',
    faults: [{ on: 'hook:graph', kind: 'delay', delayMs: 3000 }]
  },
  {
    id: 'graph-5xx',
    group: 'WhatsApp',
    label: '5xx',
    hint: 'Sending is answered with 503, which does not tell whether WhatsApp took the message. Puente must not send twice: it waits for a receipt, and after 15 minutes tells the agent.',
    faults: [{ on: 'call:graph', kind: 'status', status: 503 }]
  },
  {
    id: 'graph-timeout',
    group: 'WhatsApp',
    label: 'Time-out after accept',
    hint: 'The next message is accepted but the answer never comes. It must not be sent twice.',
    faults: [{ on: 'call:graph', kind: 'timeout_after_accept', match: 'POST /messages send', count: 1 }]
  },
  {
    id: 'lose-hook',
    group: 'Desk',
    label: 'Lose next hook',
    hint: "The desk's next hook for a message is lost for good. Puente must find the agent's answer by itself.",
    faults: [{ on: 'hook:desk', kind: 'drop', match: 'message_created', count: 1 }]
  },
  {
    id: 'desk-429',
    group: 'Desk',
    label: '429',
    hint: 'The desk says "too many requests, come back in 5 s".',
    faults: [{ on: 'call:desk', kind: 'status', status: 429, headers: { 'retry-after': '5' } }]
  },
  {
    id: 'desk-5xx',
    group: 'Desk',
    label: '5xx',
    hint: 'Every call to the desk is answered with 503.',
    faults: [{ on: 'call:desk', kind: 'status', status: 503 }]
  },
  {
    id: 'desk-late',
    group: 'Desk',
    label: 'Answer too late',
    hint: 'The desk does what it was asked, but only after Puente has given up waiting. No double may appear.',
    faults: [
      { on: 'call:desk', kind: 'commit_after_timeout', match: 'POST /api/v1/accounts/1/conversations', count: 1 }
    ]
  }
]

const ownId = (preset: FaultPreset, at: number): string => `page:${preset.id}:${at}`

/** A counted fault that was used up is no longer on. */
export function isOn(preset: FaultPreset, faults: Fault[]): boolean {
  return faults.some(
    fault => fault.id?.startsWith(`page:${preset.id}:`) && (fault.count === undefined || fault.count > 0)
  )
}

/** The whole list to post: what others set stays. */
export function toggleFault(preset: FaultPreset, faults: Fault[]): Fault[] {
  const rest = faults.filter(fault => !fault.id?.startsWith(`page:${preset.id}:`) && fault.count !== 0)
  if (isOn(preset, faults)) return rest
  return [...rest, ...preset.faults.map((fault, at) => ({ ...fault, id: ownId(preset, at) }))]
}
