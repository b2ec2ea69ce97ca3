/** Port to files that Puente keeps itself: uploads of agents (for a day) and the library. Sealed where they lie. */
import type { MediaKind } from '../model.ts'

export interface StoredFile {
  id: string
  deskId: number
  agentId: number | null
  name: string
  mimeType: string
  sizeBytes: number
  sha256: string
  sendsAs: MediaKind | null
  /** Error code of what keeps it from being sent. */
  refusal: string | null
  expiresAt: Date | null
}

export interface LibraryItem {
  id: string
  kind: 'file' | 'link'
  title: string
  url: string | null
  file: StoredFile | null
  agentId: number
  addedAt: Date
}

export interface StoredFiles {
  /** Takes a file from disk. */
  keep(file: Omit<StoredFile, 'expiresAt'>, path: string, lifeMs: number): Promise<StoredFile>
  find(deskId: number, id: string): Promise<StoredFile | null>
  /** Fails with `media_gone`. */
  open(id: string): Promise<NodeJS.ReadableStream>
  listLibrary(deskId: number): Promise<LibraryItem[]>
  findLibrary(deskId: number, itemId: string): Promise<LibraryItem | null>
  /** A file that goes into the library no longer ends. */
  addToLibrary(item: {
    id: string
    deskId: number
    agentId: number
    kind: 'file' | 'link'
    title: string
    url: string | null
    fileId: string | null
  }): Promise<void>
  removeFromLibrary(deskId: number, itemId: string): Promise<void>
  /** Bytes of uploads of an agent that have not ended, for the limit of each. */
  heldBytes(deskId: number, agentId: number): Promise<number>
  forgetOld(): Promise<void>
}
