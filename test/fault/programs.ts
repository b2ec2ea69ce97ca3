/**
 * The two programs that a fault run starts again and again, translated to JavaScript once: a process then starts in a
 * third of the time. Types are not looked at here. The tree stays as it is, so that files find what lies beside them.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const FOLDERS = ['plugin', 'adapters', 'migrations', 'test/fault']
const PAGES = /^adapters\/sandbox\/page\//

export interface Programs {
  server: string
  sandbox: string
  remove(): void
}

/** Below node_modules, so that libraries are found; one folder a run, since several may run at once. */
export function translatePrograms(): Programs {
  const folder = join(root, 'node_modules', '.cache', `puente-fault-${process.pid}`)
  // As deep as in a package, where the programs look for what is not code.
  const target = join(folder, 'dist')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root
  )
  for (const sources of FOLDERS) {
    for (const name of readdirSync(join(root, sources), { recursive: true, encoding: 'utf8' })) {
      const file = `${sources}/${name}`
      if (!name.endsWith('.ts') || PAGES.test(file)) continue
      const { outputText } = ts.transpileModule(readFileSync(join(root, file), 'utf8'), {
        fileName: join(root, file),
        // One file at a time nobody can tell from package.json that these are modules.
        compilerOptions: { ...options, noEmit: false, module: ts.ModuleKind.ESNext }
      })
      const made = join(target, file.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(made), { recursive: true })
      writeFileSync(made, outputText)
    }
  }
  for (const name of ['package.json', 'manifest.json']) symlinkSync(join(root, name), join(folder, name))
  return {
    server: join(target, 'test/fault/server.js'),
    sandbox: join(target, 'adapters/sandbox/process.js'),
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}

let translated: Programs | null = null

/** All processes started from now on are of this translation; without it they run from the sources. */
export function usePrograms(programs: Programs): void {
  translated = programs
}

/** What to fork for one of the programs, and with which flags of Node. */
export function programOf(name: 'server' | 'sandbox'): { file: string; execArgv: string[] } {
  if (translated !== null) return { file: translated[name], execArgv: [] }
  const file = name === 'server' ? 'test/fault/server.ts' : 'adapters/sandbox/process.ts'
  return { file: join(root, file), execArgv: ['--import', 'tsx'] }
}
