/**
 * Looks up a sentence in the desk's language and fills its `{placeholders}`. Deliberately without plural rules and
 * nesting: sentences are written so that they need none. Values are inserted as given; who calls escapes them.
 */
import { type Catalogue, en, type TextKey } from './en.ts'
import { es } from './es.ts'
import { ptBr } from './pt-br.ts'

export const LOCALES = ['en', 'es', 'pt-BR'] as const

export type Locale = (typeof LOCALES)[number]

export const CATALOGUES: Readonly<Record<Locale, Catalogue>> = { en, es, 'pt-BR': ptBr }

type Placeholder<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never

/** The values that a sentence needs, read from its English text by the compiler. */
export type TextValues<K extends TextKey> = { [N in Placeholder<(typeof en)[K]>]: string | number }

type ValueArguments<K extends TextKey> = [Placeholder<(typeof en)[K]>] extends [never] ? [] : [values: TextValues<K>]

/** The sentence of a key. Numbers are written as the language writes them. */
export function text<K extends TextKey>(locale: Locale, key: K, ...args: ValueArguments<K>): string {
  return fill(locale, CATALOGUES[locale][key], (args[0] ?? {}) as Record<string, string | number>)
}

/** A sentence by a key that is only known at run time, or undefined when the catalogue has no such key. */
export function findText(
  locale: Locale,
  key: string,
  values: Record<string, string | number> = {}
): string | undefined {
  return Object.hasOwn(en, key) ? fill(locale, CATALOGUES[locale][key as TextKey], values) : undefined
}

function fill(locale: Locale, sentence: string, values: Record<string, string | number>): string {
  // One pass, so that a value which looks like a placeholder stays what it is.
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value
  })
}

/** The catalogue for a locale as Chatwoot names it (`pt_BR`, `es_MX`, `en`); English when there is none. */
export function pickLocale(name: string | null | undefined): Locale {
  const language = (name ?? '').toLowerCase().split(/[-_.@]/)[0]
  if (language === 'es') return 'es'
  if (language === 'pt') return 'pt-BR'
  return 'en'
}
