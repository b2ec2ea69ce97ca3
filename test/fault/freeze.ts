/**
 * Bundles the server of a fault run as it is now into `test/fixtures/released/VERSION.mjs`, so that the next release can be
 * proven to live beside it on one database (row U1). Run at a release: `node --import tsx test/fault/freeze.ts`. Libraries
 * stay outside: a release runs with the libraries of the checkout.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as { version: string }

await build({
  root,
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
  build: {
    ssr: 'test/fault/server.ts',
    target: 'node20',
    minify: true,
    outDir: 'test/fixtures/released',
    emptyOutDir: false,
    rolldownOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: `${version}.mjs`,
        postBanner: `// Puente ${version} as it was released, bundled by test/fault/freeze.ts. Never edited.`
      }
    }
  }
})
