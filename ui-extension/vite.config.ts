// Builds the pages that Puente serves under /app to dist/ui-extension: one HTML entry a page. Nothing is inlined (no
// data: URIs, no inline script or style), so that they run under a strict content security policy.
import { fileURLToPath } from 'node:url'
import tailwind from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { compileCatalogues } from './compile-catalogues.ts'
import { trimVueI18n } from './trim-vue-i18n.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: here('./public'),
  plugins: [vue(), tailwind(), compileCatalogues(), trimVueI18n()],
  resolve: {
    // The runtime alone: messages are compiled when the page is built.
    alias: { 'vue-i18n': here('../node_modules/vue-i18n/dist/vue-i18n.runtime.mjs') }
  },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'true'
  },
  build: {
    outDir: here('../dist/ui-extension'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2022',
    rollupOptions: {
      input: { tab: here('./tab.html'), new: here('./new.html'), admin: here('./admin.html') }
    }
  }
})
