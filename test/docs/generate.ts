/** `npm run docs`: writes the generated pages. `test/unit/docs.test.ts` fails when one is stale. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { makePages } from './pages.ts'
import { root } from './scan.ts'

for (const [file, text] of Object.entries(makePages())) {
  mkdirSync(path.join(root, path.dirname(file)), { recursive: true })
  writeFileSync(path.join(root, file), text)
  process.stdout.write(`${file}\n`)
}
