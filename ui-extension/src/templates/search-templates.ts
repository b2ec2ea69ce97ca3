// Finds templates as one types: every word somewhere in name, text or buttons, whatever the case or accents.
import type { TemplateSummary } from '../../../plugin/http/contract/template.ts'

export const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

export interface TemplateFilter {
  query: string
  language: string
  category: string
}

/** The order given is kept (favourites and recents first), but a hit in the name goes before one in the text. */
export function searchTemplates(all: readonly TemplateSummary[], filter: TemplateFilter): TemplateSummary[] {
  const words = fold(filter.query)
    .split(/[\s_]+/)
    .filter(Boolean)
  const fits = all.filter(
    one =>
      (filter.language === '' || one.language === filter.language) &&
      (filter.category === '' || one.category === filter.category)
  )
  if (words.length === 0) return fits
  const inName: TemplateSummary[] = []
  const inText: TemplateSummary[] = []
  for (const one of fits) {
    const name = fold(one.name)
    const whole = `${name} ${fold([one.body, ...one.buttonTexts].join(' '))}`
    if (!words.every(word => whole.includes(word))) continue
    if (words.every(word => name.includes(word))) inName.push(one)
    else inText.push(one)
  }
  return [...inName, ...inText]
}

/** `order_update` → `Order update`: names are machine words, people read them better so. */
export function showName(name: string): string {
  const words = name.replaceAll('_', ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
