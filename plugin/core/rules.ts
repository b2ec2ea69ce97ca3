/**
 * Rules that somebody else dates (Meta, Chatwoot), each with the day it was read and where; and Puente's own times,
 * each with its reason. Error codes lie in the channel's error table, media limits in `capabilities.ts`.
 */

/** A fact that may change outside: its value, when it was true, and where it is written. */
export interface DatedRule<T> {
  value: T
  /** The day it was checked, or since when it holds. */
  asOf: string
  source: string
}

const rule = <T>(value: T, asOf: string, source: string): DatedRule<T> => ({ value, asOf, source })

const DOCS = 'developers.facebook.com/documentation/business-messaging/whatsapp'

export const RULES = {
  /** Released 2026-02-18, ends 2028-07-29; v26.0 is out, and Meta's own samples still call this one. */
  graphVersion: rule('v25.0', '2026-11-22', 'Graph API changelog; contract §10'),
  graphUrl: rule('https://graph.facebook.com', '2026-11-22', `${DOCS}/messages/send-messages`),
  /** Hours from the customer's last message or call during which anything but templates may be sent. */
  windowHours: rule(24, '2026-11-22', `${DOCS}/messages/send-messages; contract §7`),
  /** Free entry point: a price fact, not a longer window; 72 h until 2026-09-28. */
  freeEntryPointHours: rule(168, '2026-09-28', 'third parties only, no page of Meta seen; contract §7'),
  /** Until then utility templates were free while the window is open. */
  freeUtilityUntil: rule('2026-10-01T00:00:00Z', '2026-10-01', 'third parties only, no page of Meta seen; contract §7'),
  /** Messages a second on one number, in and out together. */
  throughputPerSecond: rule({ standard: 80, high: 1000, coexistence: 20 }, '2025-11-21', `${DOCS}/throughput`),
  /** One message per 6 s to one customer; up to 45 may be borrowed at once and are waited for afterwards. */
  pairPace: rule({ secondsPerMessage: 6, burst: 45 }, '2025-11-21', `${DOCS}/about-the-platform`),
  /** After 131056: 4^X seconds, X from 0, one more per failure. */
  pairBackoffBase: rule(4, '2025-11-21', `${DOCS}/about-the-platform`),
  /** Characters of a text message. */
  textLimit: rule(4096, '2026-11-22', `${DOCS}/messages/text-messages; contract §5`),
  /** Characters under an image, video or document. */
  captionLimit: rule(1024, '2026-11-22', `${DOCS}/messages/image-messages; contract §5`),
  /** Characters of `biz_opaque_callback_data`. */
  referenceLimit: rule(512, '2026-11-22', `${DOCS}/messages/send-messages; contract §5`),
  replyButtons: rule(
    { most: 3, titleLimit: 20, bodyLimit: 1024 },
    '2026-11-22',
    `${DOCS}/messages/interactive-reply-buttons-messages; contract §5`
  ),
  listRows: rule(
    { most: 10, titleLimit: 24, descriptionLimit: 72, labelLimit: 20, bodyLimit: 4096 },
    '2026-11-22',
    `${DOCS}/messages/interactive-list-messages; contract §5`
  ),
  /** Largest webhook body, in bytes. */
  webhookMaxBytes: rule(3 * 1024 * 1024, '2026-11-22', `${DOCS}/webhooks/overview; contract §1`),
  /** How long Meta goes on delivering a webhook that was not answered 200. */
  webhookRetryDays: rule(7, '2026-11-22', `${DOCS}/webhooks/overview; contract §1`),
  /** A media id from a webhook, an uploaded media id, and a media URL. */
  mediaLives: rule({ receivedDays: 7, uploadedDays: 30, urlMinutes: 5 }, '2026-11-22', `${DOCS}/media; contract §5`),
  /** A template that is held for quality is sent or dropped within this time. */
  heldTemplateHours: rule(1, '2026-11-22', `${DOCS}/templates/template-pacing; contract §7`),
  /** Read marks reach this far back. */
  markReadDays: rule(30, '2026-11-22', `${DOCS}/messages/mark-message-as-read; contract §5`),
  typingSeconds: rule(25, '2026-11-22', `${DOCS}/typing-indicators; contract §5`),
  /** Most characters of a template's parts once filled, and most products; `spaces`: so many in a row are refused. */
  templateLimits: rule(
    { header: 60, body: 1024, cardBody: 160, url: 2000, code: 15, payload: 128, sections: 10, products: 30, spaces: 4 },
    '2026-11-22',
    `${DOCS}/templates/components; contract §5`
  ),
  /** Characters of a coupon code; 15 until then. */
  couponLimit: rule(20, '2025-12-01', `${DOCS}/templates/coupon; contract §5`),
  /** Larger media of customers are not delivered at all (131052). */
  receivedMediaMaxBytes: rule(100 * 1024 * 1024, '2026-11-22', `${DOCS}/media; contract §3`),
  /** Longest `override_callback_uri`. */
  callbackUrlLimit: rule(200, '2026-06-28', `${DOCS}/webhooks/override; contract §1`),
  /**
   * Hosts that serve Meta's media, with everything below them. `token`: the media URLs of Graph lie there and want the
   * bearer token; the others are public (pictures of ads) and never see it.
   */
  mediaHosts: rule(
    [
      { host: 'fbsbx.com', token: true },
      { host: 'whatsapp.net', token: true },
      { host: 'fbcdn.net', token: false }
    ] as readonly { host: string; token: boolean }[],
    '2026-11-22',
    `${DOCS}/business-phone-numbers/media; samples of message and referral webhooks`
  ),
  /** Largest file that the desk's own pages take; proxies in front of it are set up for that. */
  deskFileMaxBytes: rule(40 * 1024 * 1024, '2026-11-22', 'Chatwoot 4.16 MAXIMUM_FILE_UPLOAD_SIZE; contract/chatwoot'),
  /** Chatwoot refuses more rows in one conversation and minute (200); we stop before. */
  deskRowsPerMinute: rule(150, '2026-11-22', 'Chatwoot 4.16 message limits; design §8')
} as const

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Puente's own times in milliseconds, each with its reason. */
export const TIMES = {
  /** A killed process holds its lanes no longer than this; renewed also during uploads. */
  laneLeaseMs: 30 * SECOND,
  /** Finds what a lost wake-up left lying: often while work waits, rarely otherwise, to keep idle load near nothing. */
  sweepBusyMs: 1 * SECOND,
  sweepIdleMs: 5 * SECOND,
  /** From the commit of an attempt to its first byte; a process that slept longer sends nothing. */
  attemptDeadlineMs: 5 * SECOND,
  /** Chatwoot's own web servers give a request up after 15 s. */
  deskCallMs: 15 * SECOND,
  /** A request that we gave up may still commit in the desk; longer than the desk's own time-out. */
  deskSettleMs: 20 * SECOND,
  /** Graph answers within a second; after this the outcome counts as not known. */
  graphCallMs: 20 * SECOND,
  /** 100 MB on a slow line; a media URL lives as long. */
  mediaMs: 5 * MINUTE,
  /** How long a customer's words wait for their picture while Meta's media are out of order; then a sentence stands in. */
  mediaWaitMs: 90 * SECOND,
  /** How long a lane waits for the status of an uncertain message before it goes on. */
  uncertainWaitMs: 60 * SECOND,
  /** After this no status is likely any more, and the desk says that it may have been sent. */
  uncertainToldMs: 15 * MINUTE,
  /** Desk hooks come unordered; this much patience puts nearly all of them in order. */
  hookOrderMs: 150,
  /** A replayed hook is not obeyed; an old one that is valid makes us read the message again. */
  hookToleranceMs: 300 * SECOND,
  /** The desk never repeats a hook: the slow beat finds what we did not hear. */
  reconcileBeatMs: 5 * MINUTE,
  /** A Retry or a deletion moves no date by which it could be found: a few messages are read again this often. */
  reconcileLookMs: 1 * MINUTE,
  /** Clocks of desk and Puente differ, and rows commit out of order. */
  reconcileOverlapMs: 60 * SECOND,
  /** A hook may still be on its way. */
  reconcileGraceMs: 30 * SECOND,
  /** Older finds would surprise the customer: a person decides. */
  reconcileYoungMs: 15 * MINUTE,
  /** A reply from yesterday no longer fits. */
  parkedMs: 24 * HOUR,
  /** Twice as long as Meta redelivers. */
  dedupeMs: 14 * DAY,
  rawEventsMs: 14 * DAY,
  /** A quarter of a year to come back to what could not be processed. */
  setAsideMs: 90 * DAY,
  /** Quotes, reactions and edits reach back; Meta takes reactions for 30 days. */
  idMapMs: 180 * DAY,
  /** Two full years and the running month, for comparisons. */
  usageMs: 25 * 30.5 * DAY,
  /** Ticks come in bursts; one call for several steps. */
  tickJoinMs: 2 * SECOND,
  tickJoinBusyMs: 30 * SECOND,
  /** Each write of attributes makes the desk send two hooks. */
  deskAttributesMs: 10 * MINUTE,
  /** Meta announces changes of templates by webhook; the poll finds what was not announced or not heard. */
  templatePollMs: 15 * MINUTE,
  /** A change that was announced is read at Meta and written into the inbox this soon. */
  templateBeatMs: 5 * SECOND,
  /** Standing, pace and limits of a number: Meta announces changes only to the app's own webhook, if at all. */
  numberPollMs: 15 * MINUTE,
  /** A process that died amid a reading, or another that had the lease when a change was announced. */
  numberBeatMs: 1 * MINUTE,
  /** Meta changes its prices with the quarter at most; an average of 30 days moves little in one. */
  ratePollMs: 1 * DAY,
  /** After a failure that may pass: nobody waits for it. */
  rateAgainMs: 1 * HOUR,
  /** A number that was just connected has its prices this soon. */
  rateBeatMs: 5 * MINUTE,
  /** What cannot be stored is answered 503 by then; the desk gives its hooks 5 s (CW-HOOK-LATE). */
  storeAnswerMs: 3 * SECOND,
  /** A stopping process finishes what is in flight. */
  drainMs: 10 * SECOND
} as const

export type Times = { [name in keyof typeof TIMES]: number }

/** All times shortened (or stretched) by one factor, so that proofs of long times end soon; ratios stay. */
export function scaleTimes(factor: number, times: Times = TIMES): Times {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms * factor])) as Times
}
