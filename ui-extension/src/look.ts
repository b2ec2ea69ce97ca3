// Light or dark: what the person chose here, else the desk's own (where we share its origin), else the system's.
import { ref } from 'vue'
import { keep, readKept } from './link/kept.ts'

export type Look = 'system' | 'light' | 'dark'

/** The dashboard marks its body with `dark`; from another origin that cannot be seen. */
function readDeskLook(): Look {
  try {
    if (window.parent === window) return 'system'
    const { body, documentElement } = window.parent.document
    if (!body.querySelector('#app')) return 'system'
    return [body, documentElement].some(one => one.classList.contains('dark')) ? 'dark' : 'light'
  } catch {
    return 'system'
  }
}

const kept = readKept('look')
export const look = ref<Look>(kept === 'light' || kept === 'dark' ? kept : 'system')

export function applyLook(): void {
  const shown = look.value === 'system' ? readDeskLook() : look.value
  if (shown === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = shown
}

export function chooseLook(chosen: Look): void {
  look.value = chosen
  keep('look', chosen === 'system' ? null : chosen)
  applyLook()
}
