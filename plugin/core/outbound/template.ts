/**
 * A send from the desk's own template picker (`template_params`, CW-TEMPLATE-SHOWN) as a template message: looked
 * up, filled and checked by the template model before anything leaves. A media header comes as an address, which Puente
 * fetches, checks and uploads itself (template-media.ts).
 */
import { PuenteError } from '../errors.ts'
import { uploadId } from '../talk/instruction.ts'
import { fillTemplate } from '../templates/fill.ts'
import type { MediaFormat, Slot, Template, Values } from '../templates/model.ts'
import { readPickerAnswer, valuesFromPicker } from '../templates/picker.ts'
import { problemError, unknownTemplateError } from '../templates/problems.ts'
import { listSlots } from '../templates/slots.ts'
import { numberNow } from './parked.ts'
import type { PlannedPart } from './plan.ts'
import type { OutboundRun } from './work-lane.ts'

/** A file that a template needs and that lies at an address which an agent typed. */
export interface TemplateLink {
  /** Stands in the components until the file is uploaded. */
  id: string
  format: MediaFormat
  url: string
  filename?: string
  /** Of the slot, for the sentence when it cannot be used. */
  label: string
}

type PlannedTemplate = Extract<PlannedPart, { kind: 'template' }>

/** Fails with `wa_template_…` or `wa_phone_needed`, each with the sentence's facts, before anything is fetched or sent. */
export async function planPickerTemplate(
  run: OutboundRun,
  params: Record<string, unknown>,
  hasPhone: boolean
): Promise<PlannedTemplate> {
  const answer = readPickerAnswer(params)
  if (answer === null) {
    throw new PuenteError('wa_template_parameters', { stage: 'decide', facts: { missing: 'name or language' } })
  }
  const { bridge, number } = run
  const template = await bridge.templates.find(number, answer.name, answer.language)
  if (template === null) throw unknownTemplateError()
  const { values, links } = takeLinks(template, valuesFromPicker(template, answer.processed))
  const filled = fillTemplate(template, values, { now: numberNow(bridge, number), hasPhone })
  if (!filled.ok) throw problemError(filled.problems)
  const message = { name: template.name, language: template.language, components: filled.components }
  // Only of what was found in order: a wrong address is a problem of its own, above.
  return { kind: 'template', template: message, ...(links.length === 0 ? {} : { links }) }
}

/** Puts reserved ids where addresses are; an address that is none stays, so that filling refuses it. */
function takeLinks(template: Template, given: Values): { values: Values; links: TemplateLink[] } {
  const values = { ...given }
  const links: TemplateLink[] = []
  for (const slot of listSlots(template)) {
    const value = values[slot.id]
    if (!isMedia(slot) || typeof value !== 'object' || !('link' in value)) continue
    const { link, filename } = value
    if (!/^https?:\/\/[^\s{}]+$/i.test(link.trim()) || !URL.canParse(link.trim())) continue
    const id = uploadId(links.length)
    const name = filename === undefined ? {} : { filename }
    links.push({ id, format: slot.kind, url: link.trim(), label: slot.label, ...name })
    values[slot.id] = { mediaId: id, ...name }
  }
  return { values, links }
}

function isMedia(slot: Slot): slot is Slot & { kind: MediaFormat } {
  return slot.kind === 'image' || slot.kind === 'video' || slot.kind === 'document'
}
