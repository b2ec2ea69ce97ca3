// The page's words. Catalogues are JSON files; only the chosen one is loaded. Languages without a catalogue read
// English, but those written from right to left still mirror the page.
import { ref } from 'vue'
import { type Composer, createI18n } from 'vue-i18n'
import { keep, readKept } from '../link/kept.ts'

export const languages = ['en', 'es', 'pt-BR'] as const
export type Language = (typeof languages)[number]

const load = {
  en: () => import('./en.json'),
  es: () => import('./es.json'),
  'pt-BR': () => import('./pt-BR.json')
} as const

const fromRightToLeft = new Set(['ar', 'he', 'fa', 'ur'])

export const i18n = createI18n({
  legacy: false,
  locale: 'none',
  missingWarn: false,
  fallbackWarn: false,
  messages: {} as Record<string, Record<string, string>>
})
const composer = i18n.global as unknown as Composer

/** The tag that dates and numbers are written by; may be a language without a catalogue. */
export const tag = ref('en')

/** Chatwoot writes `pt_BR`, browsers `pt-BR`, some systems `en-US@posix`; what no browser knows reads English. */
function normalise(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale.replace(/[@.].*$/, '').replaceAll('_', '-'))[0] ?? 'en'
  } catch {
    return 'en'
  }
}

export function pickLanguage(locale: string): Language {
  const wanted = normalise(locale).toLowerCase()
  const base = wanted.split('-')[0]
  return (
    languages.find(one => one.toLowerCase() === wanted) ?? languages.find(one => one.split('-')[0] === base) ?? 'en'
  )
}

export function isRightToLeft(locale: string): boolean {
  return fromRightToLeft.has(normalise(locale).toLowerCase().split('-')[0] ?? '')
}

/** What was asked for by address, chosen here before, or is the browser's own. */
export function guessLocale(): string {
  return new URLSearchParams(window.location.search).get('lang') ?? readKept('language') ?? navigator.language ?? 'en'
}

/** True when nobody has chosen here: then the desk's word for the agent counts. */
export const mayFollowDesk = (): boolean =>
  readKept('language') === null && !new URLSearchParams(window.location.search).has('lang')

export async function speak(locale: string): Promise<void> {
  const language = pickLanguage(locale)
  const root = document.documentElement
  root.lang = language
  if (!composer.availableLocales.includes(language)) {
    const { default: messages } = await load[language]()
    composer.setLocaleMessage(language, messages)
  }
  composer.locale.value = language
  const mirrored = isRightToLeft(locale)
  // Words and dates in one language: a page in English shows English dates, in the way of the region.
  const wanted = normalise(locale)
  tag.value = wanted.split('-')[0] === language.split('-')[0] ? wanted : language
  root.dir = mirrored ? 'rtl' : 'ltr'
}

export async function chooseLanguage(locale: string): Promise<void> {
  keep('language', locale)
  await speak(locale)
}

/** For code outside components. */
export const say = (key: string, named: Record<string, unknown> = {}): string => composer.t(key, named)
