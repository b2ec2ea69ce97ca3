/**
 * Temporary files of media on their way. Each process has a folder of its own below the temporary directory, so that a
 * starting process can delete what a killed one left.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { Files, Spooled } from '../../plugin/core/ports/files.ts'

/** A folder that nothing has touched for so long belongs to a process that is gone. */
const ABANDONED_MS = 60 * 60 * 1000

export function createFiles(options: { tempDir: string }): Files {
  const own = path.join(options.tempDir, `media-${process.pid}-${randomUUID().slice(0, 8)}`)

  return {
    async spool(stream, limits): Promise<Spooled> {
      // Each time: a sweep of another process may have taken an idle folder for an abandoned one.
      await mkdir(own, { recursive: true, mode: 0o700 })
      const file = path.join(own, randomUUID())
      const hash = createHash('sha256')
      let sizeBytes = 0
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          sizeBytes += chunk.length
          if (sizeBytes > limits.maxBytes) {
            done(new PuenteError('media_too_large', { facts: { limitBytes: limits.maxBytes } }))
            return
          }
          hash.update(chunk)
          done(null, chunk)
        }
      })
      try {
        await pipeline(stream, meter, createWriteStream(file, { mode: 0o600 }))
      } catch (error) {
        await unlink(file).catch(() => {})
        if (error instanceof PuenteError) throw error
        const code = (error as NodeJS.ErrnoException).code
        throw new PuenteError(code === 'ENOSPC' || code === 'EDQUOT' ? 'disk_full' : 'media_unfetched', {
          cause: error
        })
      }
      if (limits.expectedBytes !== undefined && limits.expectedBytes !== sizeBytes) {
        await unlink(file).catch(() => {})
        throw new PuenteError('media_unfetched', {
          facts: { expectedBytes: limits.expectedBytes, gotBytes: sizeBytes }
        })
      }
      return { path: file, sizeBytes, sha256: hash.digest('hex') }
    },
    async remove(file) {
      await rm(file, { force: true })
    },
    async sweep() {
      const names = await readdir(options.tempDir).catch(() => [])
      for (const name of names) {
        const folder = path.join(options.tempDir, name)
        if (!name.startsWith('media-') || folder === own) continue
        const touched = await stat(folder).catch(() => null)
        const pid = Number(name.split('-')[1])
        const alive = isAlive(pid) && touched !== null && Date.now() - touched.mtimeMs < ABANDONED_MS
        if (!alive) await rm(folder, { recursive: true, force: true })
      }
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
