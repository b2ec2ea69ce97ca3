/** Templates for the picker: the list, one with its slots, the live preview, favourites; and the filling for a send. */
import type { FastifyRequest } from 'fastify'
import type { Agent } from '../../core/agents/access.ts'
import { type ErrorCode, PuenteError } from '../../core/errors.ts'
import { canonicalPhone, phoneDigits } from '../../core/identity.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import type { SlotMapping } from '../../core/ports/agent-store.ts'
import type { ConversationPicture } from '../../core/ports/desk-agents.ts'
import type { CustomerView } from '../../core/ports/talk-store.ts'
import type { ServedNumber } from '../../core/registry.ts'
import type { TemplateUpload } from '../../core/talk/instruction.ts'
import { mendable } from '../../core/talk/mend.ts'
import { checkTemplate, fillTemplate } from '../../core/templates/fill.ts'
import type { Filled, Template } from '../../core/templates/model.ts'
import { readTemplate } from '../../core/templates/read.ts'
import { listSlots } from '../../core/templates/slots.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import { windowState } from '../../core/window.ts'
import type { SlotSource, SlotValues, TemplateProblem, TemplateSummary } from '../contract/template.ts'
import { languageOf, lookAt } from './conversation.ts'
import type { ApiDeps, Handlers, SignedInAgent } from './deps.ts'
import { localeOf } from './deps.ts'
import { findFile, foundStored } from './found-files.ts'
import { guessSource } from './guess-source.ts'
import { asProblems, readLimits } from './limits.ts'
import { keepLinked } from './linked-files.ts'
import { resolveValues } from './slot-values.ts'
import { sourcesOf } from './sources.ts'
import { describePrice } from './template-price.ts'
import { categoryOf, toPreview, toProblem, toSlot, toSummary } from './template-shapes.ts'

/** For whom a template is filled. */
export interface FillContext {
  number: ServedNumber
  picture: ConversationPicture | null
  customer: CustomerView | null
  /** Digits of whom nothing else is known. */
  phone?: string
  agent: Agent | null
  locale: Locale
  sources: SlotSource[]
}

export interface FilledTemplate {
  template: Template
  filled: Filled
  uploads: TemplateUpload[]
  problems: TemplateProblem[]
  fileNames: ReadonlyMap<string, string>
  resolved: Record<string, string>
}

export function templateHandlers(
  deps: ApiDeps
): Pick<Handlers, 'listTemplates' | 'readTemplate' | 'previewTemplate' | 'favourTemplate'> {
  return {
    async listTemplates({ query }, { agent, request }) {
      const context = await contextFor(deps, agent, request, query)
      const [all, used, mirrors] = await Promise.all([
        readAll(deps, context.number),
        deps.agents.templatesOf(agent.agent.desk.id, agent.agent.id),
        deps.templates.readMirrorState()
      ])
      const wanted = query.status ?? 'approved'
      const words = (query.query ?? '').toLowerCase().split(/\s+/).filter(Boolean)
      const problems = await commonProblems(deps, context)
      const summaries = all
        .map(template => summarise(template, all, used.get(template.id), context, problems))
        .filter(summary => wanted === 'any' || summary.status === wanted)
      const preferred = preferredLanguage(context, summaries)
      const fitting = summaries
        .filter(summary => query.category === undefined || summary.category === query.category)
        .filter(summary => query.language === undefined || summary.language === query.language)
        .filter(summary => words.every(word => searchText(summary).includes(word)))
      fitting.sort((a, b) => rank(a, preferred) - rank(b, preferred) || newer(a, b) || a.name.localeCompare(b.name))
      return {
        templates: fitting.slice(0, query.limit),
        languages: [...new Set(summaries.map(summary => summary.language))].sort(),
        preferredLanguage: preferred,
        syncedAt: mirrors.find(mirror => mirror.numberId === context.number.id)?.readAt?.toISOString() ?? null
      }
    },

    async readTemplate({ params, query }, { agent, request }) {
      const context = await contextFor(deps, agent, request, query)
      const all = await readAll(deps, context.number)
      const template = all.find(candidate => candidate.id === params.templateId)
      if (template === undefined) throw new PuenteError('not_found')
      const used = (await deps.agents.templatesOf(agent.agent.desk.id, agent.agent.id)).get(template.id)
      const slots = listSlots(template)
      const remembered = await deps.agents.mappingOf(agent.agent.desk.id, agent.agent.id, template.id)
      const suggested: SlotValues = {}
      for (const slot of slots) {
        const last = remembered[slot.id]
        if (last !== undefined && context.sources.some(source => source.key === last.source)) {
          suggested[slot.id] = { kind: 'source', source: last.source, fallback: last.fallback ?? '' }
          continue
        }
        const source = slot.kind === 'text' ? guessSource(slot, context.sources) : undefined
        if (source !== undefined) suggested[slot.id] = { kind: 'source', source: source.key, fallback: '' }
      }
      const filling = await fill(deps, template, suggested, context, agent)
      return {
        template: summarise(template, all, used, context, await commonProblems(deps, context)),
        slots: slots.map(toSlot),
        suggested,
        sources: context.sources,
        preview: toPreview(filling.filled.preview, template.language, filling.fileNames),
        problems: filling.problems,
        price: await describePrice(deps, context, categoryOf(template))
      }
    },

    async previewTemplate({ params, body }, { agent, request }) {
      const context = await contextFor(deps, agent, request, body)
      const template = await findTemplate(deps, context.number, params.templateId)
      const filling = await fill(deps, template, body.values, context, agent)
      return {
        preview: toPreview(filling.filled.preview, template.language, filling.fileNames),
        problems: filling.problems,
        deskText: filling.filled.deskText,
        resolved: filling.resolved
      }
    },

    async favourTemplate({ params, body }, { agent }) {
      const number = await numberFor(deps, agent, body.numberId)
      await findTemplate(deps, number, params.templateId)
      await deps.agents.favour(agent.agent.desk.id, agent.agent.id, params.templateId, body.favourite)
      return { ok: true }
    }
  }
}

/** A number that this agent may send from. Fails with `not_allowed` or `number_unknown`. */
export async function numberFor(deps: ApiDeps, who: SignedInAgent, numberId: number): Promise<ServedNumber> {
  const number = deps.bridge.registry.number(numberId)
  if (number === undefined || number.deskId !== who.agent.desk.id) throw new PuenteError('number_unknown')
  if (!(await deps.access.mayUse(who.agent, number))) throw new PuenteError('not_allowed')
  return number
}

async function contextFor(
  deps: ApiDeps,
  who: SignedInAgent,
  request: FastifyRequest,
  at: { numberId: number; conversationId?: number; contactId?: number; phone?: string }
): Promise<FillContext> {
  const locale = localeOf(request, who.agent)
  if (at.conversationId !== undefined) {
    const looked = await lookAt(deps, who, at.conversationId)
    // A conversation decides its number: another one named beside it is a mistake, or somebody trying.
    if (looked.number.id !== at.numberId) throw new PuenteError('number_unknown')
    return fillContext({ ...looked, agent: who.agent, locale })
  }
  const number = await numberFor(deps, who, at.numberId)
  const picture = at.contactId === undefined ? null : await contactPicture(deps, who, number, at.contactId)
  const phone = phoneDigits(picture?.contactPhone ?? at.phone ?? '')
  const customer = await findKnown(deps, number, at.contactId, phone)
  return fillContext({ number, picture, customer, phone, agent: who.agent, locale })
}

/** Who is meant by a contact or a phone, as far as this number knows them. */
export async function findKnown(
  deps: ApiDeps,
  number: ServedNumber,
  contactId: number | undefined,
  phone: string | null
): Promise<CustomerView | null> {
  if (contactId !== undefined) {
    const [bound] = await deps.talk.customersOfContact(number.id, contactId)
    if (bound !== undefined) return bound
  }
  if (phone === null || phone === '') return null
  return deps.talk.customerBy(number.id, number.deskId, `w:${canonicalPhone(phone)}`)
}

export function fillContext(context: Omit<FillContext, 'sources'>): FillContext {
  return { ...context, sources: sourcesOf(context) }
}

/** A contact without conversation, seen as one would see it in a conversation. */
export async function contactPicture(
  deps: ApiDeps,
  who: SignedInAgent,
  number: ServedNumber,
  contactId: number
): Promise<ConversationPicture> {
  const contact = await deps.access.ask(who.agent, access => deps.people.lookAtContact(access, contactId))
  if (contact === null) throw new PuenteError('not_found')
  return {
    id: 0,
    inboxId: number.inboxId,
    status: 'open',
    contactId,
    contactName: contact.name ?? null,
    contactPhone: contact.phone ?? null,
    contactEmail: contact.email ?? null,
    assigneeId: null,
    teamId: null,
    sourceId: null,
    canReply: true,
    attributes: {},
    contactAttributes: contact.attributes,
    contactAdditional: contact.additionalAttributes,
    lastMessageId: 0
  }
}

/** What a send tells for the next one: which template, and from where its slots were filled. */
export async function rememberUse(deps: ApiDeps, agent: Agent, templateId: string, values: SlotValues): Promise<void> {
  const mapping: SlotMapping = {}
  for (const [key, value] of Object.entries(values)) {
    if (value.kind !== 'source') continue
    mapping[key] = { source: value.source, ...(value.fallback ? { fallback: value.fallback } : {}) }
  }
  await deps.agents.usedTemplate(agent.desk.id, agent.id, templateId, mapping)
}

async function readAll(deps: ApiDeps, number: ServedNumber): Promise<Template[]> {
  return (await deps.templates.list(number.wabaId)).map(readTemplate)
}

export async function findTemplate(deps: ApiDeps, number: ServedNumber, templateId: string): Promise<Template> {
  const listed = (await deps.templates.list(number.wabaId)).find(candidate => candidate.id === templateId)
  if (listed === undefined) throw new PuenteError('not_found')
  return readTemplate(listed)
}

/** What stands in the way of any template here: the number, and what the customer said. */
export async function commonProblems(deps: ApiDeps, context: FillContext): Promise<TemplateProblem[]> {
  const { number, customer, locale } = context
  const problems: TemplateProblem[] = []
  if (number.pausedCode !== null) {
    const { code, sentence } = mendable(locale, number.pausedCode as ErrorCode)
    problems.push({ where: 'number', code, sentence, blocking: true })
  }
  const consent = customer === null ? null : await deps.bridge.consents.read(number.id, customer.customerId)
  if (consent?.marketing === 'stopped') {
    const sentence = text(locale, 'tab.problem.opted_out')
    problems.push({ where: 'customer', code: 'opted_out', sentence, blocking: true })
  }
  const now = numberNow(deps.bridge, number)
  const window = windowState({ lastInboundAt: customer?.windowFrom ?? null, now })
  return [...problems, ...asProblems(await readLimits(deps, number, customer, window.open, locale))]
}

function applies(problem: TemplateProblem, template: Template): boolean {
  const ofMarketing = problem.code === 'opted_out' || problem.code === 'marketing_limited'
  return !ofMarketing || categoryOf(template) === 'marketing'
}

export async function fill(
  deps: ApiDeps,
  template: Template,
  given: SlotValues,
  context: FillContext,
  who: SignedInAgent | null,
  /** About to be sent: what lies at an address is fetched and judged, too. */
  sending = false
): Promise<FilledTemplate> {
  const slots = listSlots(template)
  const { sources, locale, number, picture } = context
  const fetchLink = async (url: string, name: string | undefined) =>
    foundStored(await keepLinked(deps, { deskId: number.deskId, agentId: who?.agent.id ?? null, url, name, number }))
  const resolved = await resolveValues(given, {
    slots,
    sources,
    locale,
    findFile: value => findFile(deps, who, number, picture?.id ?? null, value),
    ...(sending ? { fetchLink } : {})
  })
  const filled = fillTemplate(template, resolved.values, {
    now: deps.bridge.clock.now(),
    hasPhone: context.customer?.ids.waId !== undefined || (picture?.contactPhone ?? null) !== null || picture === null
  })
  const told = new Set(resolved.problems.map(problem => problem.where))
  const common = (await commonProblems(deps, context)).filter(problem => applies(problem, template))
  const problems = [
    ...common,
    ...resolved.problems,
    // A slot whose source or file is wrong is missing too; the first reason says more.
    ...filled.problems
      .filter(problem => problem.slot === null || !told.has(problem.slot))
      .map(p => toProblem(locale, p))
  ]
  const texts = Object.entries(resolved.values).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value] as const] : []
  )
  return {
    template,
    filled,
    uploads: resolved.uploads,
    problems,
    fileNames: resolved.fileNames,
    resolved: Object.fromEntries(texts)
  }
}

function summarise(
  template: Template,
  all: readonly Template[],
  used: { favourite: boolean; usedAt: Date | null } | undefined,
  context: FillContext,
  common: readonly TemplateProblem[]
): TemplateSummary {
  const own = checkTemplate(template, { hasPhone: true })[0]
  const problem = own === undefined ? common.find(each => applies(each, template)) : toProblem(context.locale, own)
  return toSummary(template, {
    languages: all
      .filter(other => other.name === template.name && other.status === 'APPROVED')
      .map(other => other.language),
    favourite: used?.favourite ?? false,
    lastUsedAt: used?.usedAt?.toISOString() ?? null,
    problem: problem ?? null
  })
}

function searchText(summary: TemplateSummary): string {
  return `${summary.name} ${summary.name.replaceAll('_', ' ')} ${summary.body} ${summary.buttonTexts.join(' ')}`.toLowerCase()
}

function rank(summary: TemplateSummary, preferred: string | null): number {
  if (summary.favourite) return 0
  if (summary.lastUsedAt !== null) return 1
  return preferred !== null && summary.language === preferred ? 2 : 3
}

function newer(a: TemplateSummary, b: TemplateSummary): number {
  return (b.lastUsedAt ?? '').localeCompare(a.lastUsedAt ?? '')
}

/** The customer's language, in the spelling that the templates use. */
function preferredLanguage(context: FillContext, summaries: readonly TemplateSummary[]): string | null {
  const told = context.picture === null ? null : languageOf(context.picture)
  if (told === null) return null
  const languages = [...new Set(summaries.map(summary => summary.language))]
  const wanted = told.replace('-', '_').toLowerCase()
  const short = wanted.split('_')[0]
  return (
    languages.find(language => language.toLowerCase() === wanted) ??
    languages.find(language => language.toLowerCase().split('_')[0] === short) ??
    null
  )
}
