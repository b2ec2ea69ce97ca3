// Turns the language catalogues (src/i18n/*.json) into modules of message functions while the page is built, so that
// no compiler travels to the browser. Knows `{name}` and ` | ` between singular and plural; nothing else is used.
import type { Plugin } from 'vite'

type Tree = { [key: string]: string | Tree }

const catalogue = /\/src\/i18n\/[\w-]+\.json$/

function compileText(text: string): string {
  const parts = text.split(/\{(\w+)\}/)
  if (parts.length === 1) return JSON.stringify(text)
  const list = parts.map((part, at) =>
    at % 2 === 1 ? `c.interpolate(c.named(${JSON.stringify(part)}))` : JSON.stringify(part)
  )
  return `c.normalize([${list.filter(part => part !== '""').join(',')}])`
}

/** JavaScript for one message: plain text stays a string, everything else becomes a function of the context. */
export function compileMessage(text: string): string {
  const forms = text.split(' | ').map(compileText)
  if (forms.length > 1) return `c=>c.plural([${forms.join(',')}])`
  return forms[0]?.startsWith('"') ? forms[0] : `c=>${forms[0]}`
}

function compileTree(tree: Tree): string {
  const rows = Object.entries(tree).map(
    ([key, value]) => `${JSON.stringify(key)}:${typeof value === 'string' ? compileMessage(value) : compileTree(value)}`
  )
  return `{${rows.join(',')}}`
}

export function compileCatalogues(): Plugin {
  return {
    name: 'puente:catalogues',
    enforce: 'pre',
    transform(code, id) {
      if (!catalogue.test(id)) return
      return { code: `export default ${compileTree(JSON.parse(code) as Tree)}`, map: null, moduleType: 'js' }
    }
  }
}
