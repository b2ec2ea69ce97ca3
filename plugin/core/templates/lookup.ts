/**
 * Where templates are looked up before they are sent: our copy, and Meta itself when the copy does not have a template
 * or would refuse it. So nothing is refused because the copy is late.
 */
import type { TemplateSource, TemplateStore } from '../ports/templates.ts'
import type { ServedNumber } from '../registry.ts'
import type { Template } from './model.ts'
import { readTemplate } from './read.ts'

export interface TemplateLookup {
  /** All templates of the number's WABA as our copy has them, in every state. */
  list(number: ServedNumber): Promise<Template[]>
  /**
   * Null: Meta has no such template in this language. Costs a call to Meta unless our copy has it approved; fails with
   * `wa_…` when that call does and our copy knows nothing.
   */
  find(number: ServedNumber, name: string, language: string): Promise<Template | null>
  /** By our copy; null when it has none. Costs no call. */
  categoryOf(number: ServedNumber, name: string, language: string): Promise<string | null>
  /** Something changed at Meta: the copy of this WABA is renewed within seconds. */
  want(wabaId: string): Promise<void>
}

export function createTemplateLookup(store: TemplateStore, source: TemplateSource): TemplateLookup {
  return {
    async list(number) {
      return (await store.list(number.wabaId)).map(readTemplate)
    },

    async find(number, name, language) {
      const known = await store.find(number.wabaId, name, language)
      if (known?.status.toUpperCase() === 'APPROVED') return readTemplate(known)
      try {
        const now = await source.named(number.access, number.wabaId, name)
        await store.keep(number.wabaId, now)
        const found = now.find(template => template.language === language)
        if (found !== undefined || known !== null) await store.want(number.wabaId)
        return found === undefined ? null : readTemplate(found)
      } catch (error) {
        if (known === null) throw error
        return readTemplate(known)
      }
    },

    async categoryOf(number, name, language) {
      return (await store.find(number.wabaId, name, language))?.category ?? null
    },

    want: wabaId => store.want(wabaId)
  }
}
