import { boot } from './boot.ts'
import { start } from './tab/load.ts'
import TabPage from './tab/tab-page.vue'

// The desk is asked at once, not only when the page is drawn.
start()
boot(TabPage)
