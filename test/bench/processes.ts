/**
 * The processes under the bench, each compiled once to plain JavaScript (as operators run it: a loader that compiles
 * while it runs would be measured too), forked, asked over IPC, and ended by its own handle.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const compiled = path.join(root, 'node_modules', '.cache', 'puente-bench')

export interface Child {
  pid: number
  url: string
  /** Sends an order and resolves with its answer. */
  ask<T = unknown>(order: object): Promise<T>
  stop(): Promise<void>
  /** What it wrote to stderr, its end. */
  complaints(): string
}

/** Compiles plugin, adapters and the bench's children. Type errors do not stop it: `npm run types` reports those. */
export async function compile(): Promise<void> {
  await mkdir(compiled, { recursive: true })
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, '-p', path.join(root, 'test', 'bench', 'tsconfig.json')], {
      stdio: ['ignore', 'ignore', 'inherit'],
      cwd: root
    })
    child.once('error', reject)
    child.once('exit', () => resolve())
  })
  // Files that are found beside the code, or one level above it, lie at the same place.
  for (const name of ['package.json', 'manifest.json']) {
    for (const place of [compiled, path.dirname(compiled)]) {
      await symlink(path.join(root, name), path.join(place, name)).catch(() => {})
    }
  }
}

export interface ChildOptions {
  args?: string[]
  /** Node's own flags. */
  execArgv?: string[]
  readyMs?: number
}

/** Starts a compiled module (path below the root, with `.ts`) and waits until it says that it is ready. */
export async function startChild(module: string, options: ChildOptions = {}): Promise<Child> {
  const child = fork(path.join(compiled, module.replace(/\.ts$/, '.js')), options.args ?? [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: options.execArgv ?? [],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'] }
  })
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000)
  })
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let serial = 0
  child.on('message', message => {
    const told = message as { n?: number; answer?: unknown; error?: string }
    if (told.n === undefined) return
    const waiting = pending.get(told.n)
    pending.delete(told.n)
    if (told.error !== undefined) waiting?.reject(new Error(`${module}: ${told.error}`))
    else waiting?.resolve(told.answer)
  })
  child.once('exit', () => {
    for (const waiting of pending.values()) waiting.reject(new Error(`${module} ended: ${errors}`))
    pending.clear()
  })
  const url = await ready(child, module, options.readyMs ?? 60_000, () => errors)
  return {
    pid: child.pid!,
    url,
    complaints: () => errors,
    ask<T>(order: object): Promise<T> {
      const n = ++serial
      return new Promise<T>((resolve, reject) => {
        pending.set(n, { resolve: value => resolve(value as T), reject })
        child.send({ ...order, n })
      })
    },
    stop: () => end(child)
  }
}

/** Either an IPC message `{ready}` or the sandbox's line on stdout. */
function ready(child: ChildProcess, module: string, withinMs: number, errors: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('does not become ready'), withinMs)
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`${module} ${why}: ${errors()}`))
    }
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-4_000)
      const match = /^sandbox (\S+) graph (\S+)$/m.exec(text)
      if (match !== null) done(match[1]!)
    })
    child.on('message', message => {
      const url = (message as { ready?: string }).ready
      if (url !== undefined) done(url)
    })
    const died = (code: number | null): void => fail(`ended with ${code}`)
    child.once('exit', died)
    const done = (url: string): void => {
      clearTimeout(timer)
      child.off('exit', died)
      resolve(url)
    }
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(timer)
}
