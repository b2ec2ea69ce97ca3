/**
 * Runs of the doctor, one after another: two at once would take each other's probe for lost. Who asks for the same desk
 * meanwhile joins. Remembers the last find of each, in this process only.
 */
import type { Examination, Oversight } from '../../core/ports/oversight.ts'

export interface Examinations {
  running(deskId: number | null): boolean
  /** `told` hears what is looked at now, from the first step on also when it joins late. */
  run(deskId: number | null, told: (about: string) => void): Promise<Examination>
  last(deskId: number | null): Examination | null
}

interface Run {
  at: string | null
  listeners: Set<(about: string) => void>
  end: Promise<Examination>
}

export function createExaminations(oversight: Pick<Oversight, 'examine'>): Examinations {
  const runs = new Map<number | null, Run>()
  const last = new Map<number | null, Examination>()
  let before: Promise<unknown> = Promise.resolve()

  const begin = (deskId: number | null): Run => {
    const run: Run = { at: null, listeners: new Set(), end: null as unknown as Promise<Examination> }
    run.end = before
      .then(() =>
        oversight.examine(deskId, about => {
          run.at = about
          for (const told of run.listeners) told(about)
        })
      )
      .then(found => {
        last.set(deskId, found)
        return found
      })
      .finally(() => runs.delete(deskId))
    before = run.end.catch(() => {})
    runs.set(deskId, run)
    return run
  }

  return {
    running: deskId => runs.has(deskId),
    last: deskId => last.get(deskId) ?? null,
    async run(deskId, told) {
      const run = runs.get(deskId) ?? begin(deskId)
      run.listeners.add(told)
      if (run.at !== null) told(run.at)
      try {
        return await run.end
      } finally {
        run.listeners.delete(told)
      }
    }
  }
}
