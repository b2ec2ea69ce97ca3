// What every page does before it is drawn: look, language, style. Leaves out what the page is about.
import { type Component, createApp } from 'vue'
import './styles/base.css'
import { guessLocale, i18n, speak } from './i18n/i18n.ts'
import { applyLook } from './look.ts'

export async function boot(page: Component): Promise<void> {
  applyLook()
  await speak(guessLocale())
  createApp(page).use(i18n).mount('#page')
}
