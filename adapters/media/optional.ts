/** Loads the optional packages on first use, so that an installation without them still carries everything else. */
import type { Refused } from '../../plugin/core/ports/media-tools.ts'

export class PackageMissing extends Error {
  readonly packageName: string

  constructor(packageName: string, cause: unknown) {
    super(`the optional package ${packageName} cannot be loaded`, { cause })
    this.name = 'PackageMissing'
    this.packageName = packageName
  }
}

export type LoadPackage = (name: string) => Promise<unknown>

/** @throws PackageMissing also when it is there but cannot run on this machine */
export async function loadPackage(name: string): Promise<unknown> {
  try {
    const loaded = (await import(name)) as { default?: unknown }
    return loaded.default ?? loaded
  } catch (cause) {
    throw new PackageMissing(name, cause)
  }
}

export function refuseMissing(packageName: string): Refused {
  return { refused: 'converter_missing', facts: { package: packageName } }
}
