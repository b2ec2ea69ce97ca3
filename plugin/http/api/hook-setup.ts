/**
 * Hooks for macros and automations: made by administrators, and only such as can be filled, since a press has nobody to
 * tell that a slot is missing. What is written here is what a press does later, in `macro-hook.ts`.
 */
import { callDesk } from '../../core/desk/call.ts'
import { PuenteError } from '../../core/errors.ts'
import type { HookSlot, MacroHook } from '../../core/ports/agent-store.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { checkTemplate } from '../../core/templates/fill.ts'
import type { Slot, Template } from '../../core/templates/model.ts'
import { readTemplate } from '../../core/templates/read.ts'
import { listSlots } from '../../core/templates/slots.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { Problem } from '../contract/common.ts'
import type { HookTemplate, MacroHookInfo } from '../contract/hooks.ts'
import type { SlotSource, SlotValue, SlotValues } from '../contract/template.ts'
import { type ApiDeps, type Handlers, localeOf, type Overseer } from './deps.ts'
import { deskLink } from './desk-address.ts'
import { guessSource } from './guess-source.ts'
import { RequestRefused } from './problems.ts'
import { sourcesOf } from './sources.ts'
import { toProblem, toSlot, toSummary } from './template-shapes.ts'
import { fill, fillContext, findTemplate } from './templates.ts'

type HookHandlers = Pick<Handlers, 'listMacroHooks' | 'listHookTemplates' | 'createMacroHook' | 'revokeMacroHook'>

const BY_TEXT = new Set<Slot['kind']>(['text', 'url_suffix', 'coupon', 'code'])
const BY_ADDRESS = new Set<Slot['kind']>(['image', 'video', 'document'])
const CUSTOM = /^(contact|conversation)\.custom\.[\w.-]{1,100}$/

export function hookHandlers(deps: ApiDeps): HookHandlers {
  const { agents, bridge } = deps
  return {
    async listMacroHooks(_input, { overseer }) {
      const hooks = await agents.listMacroHooks(overseer.deskId)
      return { hooks: hooks.map(hook => toInfo(deps, hook)) }
    },

    async listHookTemplates({ query }, { overseer, request }) {
      const locale = localeOf(request)
      const number = numberOf(deps, overseer, query.numberId)
      const listed = (await deps.templates.list(number.wabaId)).map(readTemplate)
      const templates = listed.filter(template => template.status === 'APPROVED')
      templates.sort((a, b) => a.name.localeCompare(b.name) || a.language.localeCompare(b.language))
      const defined = await callDesk(bridge, {
        deskId: number.deskId,
        access: number.deskAccess,
        run: access => deps.people.listAttributes(access)
      }).catch(() => [])
      return {
        templates: templates.map(template => toChoice(template, number, locale)),
        sources: standing(number, locale).map(({ key, label }) => ({ key, label })),
        attributes: defined
          // Our own are no words for customers.
          .filter(({ key }) => !key.startsWith('wa_') && key !== 'channel')
          .map(({ of, key, name }) => ({
            key: `${of}.custom.${key}`,
            label: text(locale, `tab.source.${of}.custom`, { name })
          }))
          .filter(({ key }) => CUSTOM.test(key))
      }
    },

    async createMacroHook({ body }, { overseer, request }) {
      const locale = localeOf(request)
      const number = numberOf(deps, overseer, body.numberId)
      const template = await findTemplate(deps, number, body.templateId)
      await requireFilled(deps, number, template, body.slots, locale)
      const secret = deps.newSecret()
      const hook = await agents.createMacroHook(
        {
          id: bridge.newId(),
          deskId: number.deskId,
          numberId: number.id,
          name: body.name,
          templateId: template.id,
          templateName: template.name,
          language: template.language,
          slots: body.slots
        },
        secret
      )
      bridge.log.info({ desk: number.deskId, hook: hook.id }, 'hook made')
      return { url: `${deps.publicUrl(request)}/api/v1/hooks/${secret}`, hook: toInfo(deps, hook) }
    },

    async revokeMacroHook({ params }, { overseer }) {
      if (!(await agents.revokeMacroHook(overseer.deskId, params.id))) throw new PuenteError('not_found')
      bridge.log.info({ desk: overseer.deskId, hook: params.id }, 'hook ended')
      return { ok: true }
    }
  }
}

export function slotValue(slot: HookSlot): SlotValue {
  if ('source' in slot) return { kind: 'source', ...slot }
  return 'url' in slot ? { kind: 'url', ...slot } : { kind: 'text', text: slot.text }
}

export function valuesOf(slots: Record<string, HookSlot>): SlotValues {
  return Object.fromEntries(Object.entries(slots).map(([key, slot]) => [key, slotValue(slot)]))
}

function numberOf(deps: ApiDeps, { deskId }: Overseer, numberId: number): ServedNumber {
  const number = deps.bridge.registry.number(numberId)
  if (number === undefined || (deskId !== null && number.deskId !== deskId)) throw new PuenteError('number_unknown')
  return number
}

/** What every press knows, whoever the contact is; nobody is told who pressed (contract/chatwoot §8). */
function standing(number: ServedNumber, locale: Locale): SlotSource[] {
  return sourcesOf({ picture: null, agent: null, number, locale }).filter(({ key }) => !key.startsWith('agent.'))
}

function takes(slot: Slot): boolean {
  return BY_TEXT.has(slot.kind) || BY_ADDRESS.has(slot.kind)
}

function toChoice(template: Template, number: ServedNumber, locale: Locale): HookTemplate {
  const { id, name, language, category, body } = toSummary(template, {
    languages: [],
    favourite: false,
    lastUsedAt: null,
    problem: null
  })
  const slots = listSlots(template)
  const own = checkTemplate(template, { hasPhone: true })[0]
  const beyond = slots.find(slot => slot.required && !takes(slot))
  const problem =
    own !== undefined
      ? toProblem(locale, own)
      : beyond === undefined
        ? null
        : {
            where: beyond.id,
            code: 'hook_slot',
            sentence: text(locale, 'hook.problem.kind', { label: beyond.label }),
            blocking: true
          }
  const suggested: HookTemplate['suggested'] = {}
  for (const slot of slots) {
    const source = slot.kind === 'text' ? guessSource(slot, standing(number, locale)) : undefined
    if (source !== undefined) suggested[slot.id] = { source: source.key }
  }
  return { id, name, language, category, body, slots: slots.filter(takes).map(toSlot), suggested, problem }
}

/** Filled as a press would, for a contact of whom everything is known. Fails with `RequestRefused`. */
async function requireFilled(
  deps: ApiDeps,
  number: ServedNumber,
  template: Template,
  slots: Record<string, HookSlot>,
  locale: Locale
): Promise<void> {
  const known = standing(number, locale)
  const problems: NonNullable<Problem['problems']> = []
  const example: SlotSource[] = []
  for (const [key, slot] of Object.entries(slots)) {
    if (!('source' in slot)) continue
    const { source } = slot
    if (source.startsWith('agent.')) {
      problems.push({ where: key, code: 'source_unknown', title: text(locale, 'hook.problem.no_agent') })
    } else if (!CUSTOM.test(source) && !known.some(each => each.key === source)) {
      problems.push({ where: key, code: 'source_unknown', title: text(locale, 'hook.problem.source') })
    }
    // A fallback must fit as well; where there is none, anything short stands for what the contact will have.
    const value = slot.fallback?.trim() || listSlots(template).find(each => each.id === key)?.example || 'x'
    example.push({ key: source, label: source, value })
  }
  const choice = toChoice(template, number, locale)
  if (choice.problem !== null) {
    problems.push({ where: choice.problem.where, code: choice.problem.code, title: choice.problem.sentence })
  }
  const context = { ...fillContext({ number, picture: null, customer: null, agent: null, locale }), sources: example }
  const filling = await fill(deps, template, valuesOf(slots), context, null, true)
  for (const { where, code, sentence, blocking } of filling.problems) {
    const told = problems.some(problem => problem.where === where)
    // A number that is paused today may press tomorrow.
    if (blocking && where !== 'number' && !told) problems.push({ where, code, title: sentence })
  }
  if (problems.length > 0) throw new RequestRefused(problems, 'wa_template_parameters')
}

function toInfo(deps: ApiDeps, hook: MacroHook): MacroHookInfo {
  const { id, name, numberId, templateId, templateName, language, slots, lastFailure } = hook
  const desk = deps.bridge.registry.desks().find(candidate => candidate.id === hook.deskId)
  return {
    id,
    name,
    numberId,
    templateId,
    templateName,
    language,
    slots,
    createdAt: hook.createdAt.toISOString(),
    lastUsedAt: hook.usedAt?.toISOString() ?? null,
    lastFailure:
      lastFailure === null
        ? null
        : {
            at: lastFailure.at.toISOString(),
            code: lastFailure.code,
            sentence: lastFailure.reason,
            link:
              desk === undefined ? null : deskLink(deps.desks.urlOf(desk), desk.accountId, lastFailure.conversationId)
          }
  }
}
