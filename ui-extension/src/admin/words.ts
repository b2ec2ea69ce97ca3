// The words of the admin page: a catalogue of their own beside the tab's, which must not grow for them.
import type { Composer } from 'vue-i18n'
import { i18n, type Language, pickLanguage, speak } from '../i18n/i18n.ts'
import { keep } from '../link/kept.ts'

type Words = Record<string, string>

const load: Record<Language, () => Promise<{ default: unknown }[]>> = {
  en: () => Promise.all([import('../i18n/en.json'), import('../i18n/admin-en.json')]),
  es: () => Promise.all([import('../i18n/es.json'), import('../i18n/admin-es.json')]),
  'pt-BR': () => Promise.all([import('../i18n/pt-BR.json'), import('../i18n/admin-pt-BR.json')])
}

export async function speakAdmin(locale: string): Promise<void> {
  const composer = i18n.global as unknown as Composer
  const language = pickLanguage(locale)
  if (!composer.availableLocales.includes(language)) {
    const catalogues = await load[language]()
    composer.setLocaleMessage(language, Object.assign({}, ...catalogues.map(each => each.default)) as Words)
  }
  await speak(locale)
}

export async function chooseAdminLanguage(locale: string): Promise<void> {
  keep('language', locale)
  await speakAdmin(locale)
}
