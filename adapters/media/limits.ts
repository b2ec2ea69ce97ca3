/** What WhatsApp takes, and how far the converters go. Sizes in bytes. */

/** Cloud API documentation, "Media", as read 2026-11: JPEG and PNG, 8 bit RGB or RGBA. */
export const IMAGE_MAX_BYTES = 5 * 1024 * 1024
/** As above: WebP, 512 × 512; still and animated. */
export const STICKER_SIDE_PIXELS = 512
export const STICKER_STILL_MAX_BYTES = 100 * 1024
export const STICKER_ANIMATED_MAX_BYTES = 500 * 1024

/** A larger picture would need more memory than a small server has. */
export const PIXELS_MAX = 50_000_000
export const IMAGE_INPUT_MAX_BYTES = 100 * 1024 * 1024
export const IMAGE_TIMEOUT_MS = 60_000

/** Good for speech; WhatsApp shows a play button up to 512 KB, which is then almost three minutes. */
export const VOICE_BITS_PER_SECOND = 24_000
export const VOICE_SAMPLE_RATE = 48_000
export const VOICE_INPUT_MAX_BYTES = 64 * 1024 * 1024
export const VOICE_MAX_SECONDS = 60 * 60
export const VOICE_TIMEOUT_MS = 120_000
