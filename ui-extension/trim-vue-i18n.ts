// Trims vue-i18n while the page is built (38 KB gzipped less). It imports all of Vue as one object to look up one
// function by a computed name, so that nothing of Vue could be left out: here that function is named. And its message
// compiler is not registered, since the catalogues are compiled already and plain texts then stay as they are.
// Fails when those places no longer look like this.
import type { Plugin } from 'vite'

const edits: [RegExp, string][] = [
  [/import \* as Vue from 'vue';/, "import { getCurrentInstance as getVueInstance } from 'vue';"],
  [
    /if \(key in Vue\) \{\s+return Vue\[key\];\s+\}\s+else \{\s+return Vue\.getCurrentInstance\(\);\s+\}/,
    'return getVueInstance();'
  ],
  [/registerMessageCompiler\(compile\);/, '']
]

export function trimVueI18n(): Plugin {
  return {
    name: 'puente:trim-vue-i18n',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('vue-i18n.runtime.mjs')) return
      let trimmed = code
      for (const [find, put] of edits) {
        if (!find.test(trimmed)) this.error(`vue-i18n has changed: ${find} is not there any more`)
        trimmed = trimmed.replace(find, put)
      }
      return { code: trimmed, map: null }
    }
  }
}
