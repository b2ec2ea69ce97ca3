/** What keeps a template from being sent, as one sentence for people and as the error that the message then carries. */
import { type ErrorCode, PuenteError } from '../errors.ts'
import { findText, type Locale } from '../texts/text.ts'
import type { ProblemCode, TemplateProblem } from './model.ts'

/** Longest label inside a sentence, which has to fit the desk's tooltip. */
const LABEL_LIMIT = 24

export function describeProblem(locale: Locale, problem: TemplateProblem): string {
  return problemSentence(locale, { ...problem.facts, problem: problem.code, label: problem.label ?? '' }) ?? ''
}

/** The sentence behind an error's facts; undefined when they tell of no template problem. */
export function problemSentence(
  locale: Locale,
  facts: Readonly<Record<string, string | number | boolean | null | undefined>>
): string | undefined {
  const { problem } = facts
  if (typeof problem !== 'string') return undefined
  const values: Record<string, string | number> = { label: '', part: '', limit: 0, status: '' }
  for (const [name, value] of Object.entries(facts)) {
    if (typeof value === 'number') values[name] = value
    else if (typeof value === 'string') values[name] = shorten(value)
  }
  return findText(locale, `template.problem.${problem}`, values)
}

function shorten(label: string): string {
  const signs = [...label]
  return signs.length <= LABEL_LIMIT ? label : `${signs.slice(0, LABEL_LIMIT - 1).join('')}…`
}

const CODES: Partial<Record<ProblemCode, ErrorCode>> = {
  status_paused: 'wa_template_paused',
  status_disabled: 'wa_template_paused',
  status_not_approved: 'wa_template_missing',
  phone_needed: 'wa_phone_needed'
}

/** The first problem as the error of the message: what concerns the template goes before what concerns its values. */
export function problemError(problems: readonly TemplateProblem[]): PuenteError {
  const first = problems[0]
  if (first === undefined) return new PuenteError('wa_template_parameters', { stage: 'decide' })
  const code = CODES[first.code] ?? 'wa_template_parameters'
  return new PuenteError(code, {
    stage: 'decide',
    remedy: 'fix_message',
    facts: {
      ...first.facts,
      problem: first.code,
      ...(first.label === null ? {} : { label: first.label })
    }
  })
}

/** When Puente's copy of the templates has no such template at all. */
export function unknownTemplateError(): PuenteError {
  return new PuenteError('wa_template_missing', { stage: 'decide', facts: { problem: 'unknown_template' } })
}
