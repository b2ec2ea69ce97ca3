/** Port to temporary files: media pass through the disk, never whole through memory. */

export interface Spooled {
  path: string
  sizeBytes: number
  /** Lower-case hex. */
  sha256: string
}

export interface Files {
  /**
   * Writes a stream to a temporary file while hashing it. Fails with `media_too_large` past the limit, `disk_full`,
   * or `media_unfetched` when the stream breaks; nothing is left behind then.
   */
  spool(stream: NodeJS.ReadableStream, limits: { maxBytes: number; expectedBytes?: number }): Promise<Spooled>
  remove(path: string): Promise<void>
  /** Deletes what an earlier process left. */
  sweep(): Promise<void>
}
