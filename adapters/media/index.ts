import type { MediaTools } from '../../plugin/core/ports/media-tools.ts'
export function createMediaTools(_options: { ffmpegPath?: string; tempDir: string }): MediaTools {
  return {
    sniff: async (_path, declared) => ({ mime: declared ?? 'application/octet-stream' }),
    prepareImage: async () => ({ refused: 'converter_missing' }),
    prepareVoice: async () => ({ refused: 'converter_missing' })
  }
}
