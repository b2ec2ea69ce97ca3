/**
 * Meta's error envelope and the table of codes that the stand-in can produce (contract §6, 2026-11).
 * Texts follow Meta's error page; branch on the code, never on them.
 */

interface ErrorRow {
  http: number
  title: string
  details?: string
  transient?: boolean
}

const HREF = 'https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes'

/** code → HTTP status, title, default details. Contract §6. */
export const GRAPH_ERRORS: Record<number, ErrorRow> = {
  0: { http: 401, title: 'AuthException' },
  1: { http: 400, title: 'An unknown error has occurred.' },
  2: { http: 503, title: 'Service temporarily unavailable', transient: true },
  3: { http: 500, title: 'Application does not have the capability to make this API call' },
  4: {
    http: 400,
    title: 'Application request limit reached',
    transient: true,
    details: 'The app has reached its API call rate limit.'
  },
  10: {
    http: 403,
    title: 'Application does not have permission for this action',
    details: 'Permission is either not granted or has been removed.'
  },
  15: {
    http: 400,
    title: 'This method must be called with an app access_token.'
  },
  33: { http: 400, title: 'Parameter value is not valid', details: 'The business phone number has been deleted.' },
  100: { http: 400, title: 'Invalid parameter' },
  190: { http: 401, title: 'Invalid OAuth access token - Cannot parse access token' },
  200: {
    http: 403,
    title:
      'You do not have the necessary permissions required to send messages on behalf of this WhatsApp Business Account'
  },
  368: {
    http: 403,
    title: 'Temporarily blocked for policies violations',
    details: 'The WhatsApp Business Account has been restricted or disabled for violating a platform policy.'
  },
  613: { http: 400, title: 'Calls to this api have exceeded the rate limit.' },
  2200: { http: 400, title: 'Callback verification failed' },
  80007: {
    http: 400,
    title: 'Rate limit issues',
    details: 'The WhatsApp Business Account has reached its rate limit.'
  },
  130403: { http: 400, title: 'Recipient blocked by the business' },
  130429: {
    http: 400,
    title: 'Rate limit hit',
    details:
      'Message failed to send because there were too many messages sent from this phone number in a short period of time'
  },
  130472: {
    http: 400,
    title: "User's number is part of an experiment",
    details: "Failed to send message because this user's phone number is part of an experiment"
  },
  130497: {
    http: 403,
    title: 'Business account is restricted from messaging users in this country',
    details: 'The WhatsApp Business Account is restricted from messaging to users in certain countries.'
  },
  131000: { http: 500, title: 'Something went wrong', details: 'Message failed to send due to an unknown error.' },
  131005: { http: 403, title: 'Access denied', details: 'Permission is either not granted or has been removed.' },
  131008: { http: 400, title: 'Required parameter is missing' },
  131009: { http: 400, title: 'Parameter value is not valid' },
  131016: { http: 500, title: 'Service unavailable', details: 'A service is temporarily unavailable.' },
  131020: { http: 400, title: 'Invalid group' },
  131021: {
    http: 400,
    title: 'Recipient cannot be sender',
    details: 'The recipient number is the same as the sender number.'
  },
  131026: { http: 400, title: 'Message undeliverable', details: 'Message Undeliverable.' },
  131030: {
    http: 400,
    title: 'Recipient phone number not in allowed list',
    details: 'Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.'
  },
  131031: { http: 403, title: 'Business Account locked', details: 'Business account has been locked.' },
  131037: {
    http: 400,
    title: 'WhatsApp provided number needs display name approval before message can be sent',
    details: 'The phone number used does not have an approved display name.'
  },
  131041: { http: 400, title: 'Unknown group' },
  131042: {
    http: 400,
    title: 'Business eligibility payment issue',
    details: 'Message failed to send because there were one or more errors related to your payment method.'
  },
  131045: {
    http: 500,
    title: 'Incorrect certificate',
    details: 'Message failed to send due to a phone number registration error.'
  },
  131047: {
    http: 400,
    title: 'Re-engagement message',
    details:
      'Message failed to send because more than 24 hours have passed since the customer last replied to this number.'
  },
  131048: {
    http: 400,
    title: 'Spam rate limit hit',
    details:
      'Message failed to send because there are restrictions on how many messages can be sent from this phone number.'
  },
  131049: {
    http: 400,
    title: 'This message was not delivered to maintain healthy ecosystem engagement.',
    details: 'In order to maintain a healthy ecosystem engagement, the message failed to be delivered.'
  },
  131050: {
    http: 400,
    title: 'User stopped marketing messages',
    details:
      'Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business.'
  },
  131051: { http: 400, title: 'Unsupported message type', details: 'Message type is not currently supported.' },
  131052: { http: 400, title: 'Media download error', details: 'Unable to download the media sent by the user.' },
  131053: {
    http: 400,
    title: 'Media upload error',
    details: 'Unsupported media type. Please use one of the supported media types.'
  },
  131055: { http: 400, title: 'Method not allowed' },
  131056: {
    http: 400,
    title: '(Business Account, Consumer Account) pair rate limit hit',
    details:
      'Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.'
  },
  131057: { http: 500, title: 'Account in maintenance mode', details: 'Business Account is in maintenance mode.' },
  131061: { http: 400, title: 'bid_spec is not allowed' },
  131062: { http: 400, title: 'Business-scoped User ID (BSUID) recipients are not supported for this message' },
  131063: { http: 400, title: 'Marketing templates are disabled on Cloud API' },
  131064: { http: 400, title: 'Messaging limit reached due to template classification violations' },
  131070: { http: 400, title: 'Another app is responsible for this thread' },
  131208: {
    http: 429,
    title: 'Group rate limit hit',
    details: 'This phone number performed too many group operations in a short period.'
  },
  132000: { http: 400, title: 'Number of parameters does not match the expected number of params' },
  132001: { http: 404, title: 'Template name does not exist in the translation' },
  132005: { http: 400, title: 'Translated text too long', details: 'Translated text is too long.' },
  132007: {
    http: 400,
    title: 'Template format character policy violated',
    details: 'Template content violates a WhatsApp policy.'
  },
  132008: { http: 400, title: 'Parameter value does not match' },
  132012: { http: 400, title: 'Parameter format does not match format in the created template' },
  132015: {
    http: 400,
    title: 'Template is paused',
    details: 'Template is paused due to low quality so it cannot be sent in a template message.'
  },
  132016: {
    http: 400,
    title: 'Template is disabled',
    details: 'Template has been paused too many times due to low quality and is now permanently disabled.'
  },
  132018: { http: 400, title: 'Parameter value is not valid for the template' },
  132068: { http: 400, title: 'Flow is in blocked state', details: 'Flow is in blocked state.' },
  132069: {
    http: 400,
    title: 'Flow is in throttled state',
    details: 'Flow is in throttled state and 10 messages using this flow were already sent in the last hour.'
  },
  133000: { http: 500, title: 'Incomplete deregistration' },
  133004: { http: 503, title: 'Server temporarily unavailable', details: 'Server is temporarily unavailable.' },
  133005: { http: 400, title: 'Two step verification PIN mismatch', details: 'Two-step verification PIN incorrect.' },
  133006: {
    http: 400,
    title: 'Phone number re-verification needed',
    details: 'Phone number needs to be verified before registering.'
  },
  133008: {
    http: 400,
    title: 'Too many two step verification PIN guesses',
    details: 'Too many two-step verification PIN guesses for this phone number. Try again in 3600 seconds.'
  },
  133009: {
    http: 400,
    title: 'Two step verification PIN guessed too fast',
    details: 'Two-step verification PIN was entered too quickly.'
  },
  133010: {
    http: 400,
    title: 'Account not registered',
    details: 'Phone number not registered on the WhatsApp Business Platform.'
  },
  133015: {
    http: 400,
    title: 'Please wait a few minutes before attempting to register this phone number',
    details: 'The phone number was recently deleted.'
  },
  133016: {
    http: 400,
    title: 'Account register deregister rate limit exceeded',
    details: 'There have been too many attempts to register or deregister this phone number.'
  },
  134101: { http: 400, title: 'Template is syncing' },
  134102: { http: 500, title: 'Template is unavailable' },
  135000: {
    http: 400,
    title: 'Generic user error',
    details: 'Message failed to send because of an unknown error with your request parameters.'
  },
  136024: {
    http: 400,
    title: 'Request code error',
    details: 'Tried too many times. Please wait before requesting a new code.'
  },
  137000: {
    http: 400,
    title: 'Recipient identity key hash mismatch',
    details: 'The recipient identity key hash does not match.'
  },
  138006: { http: 400, title: 'No approved call permission from the recipient' },
  139100: { http: 400, title: 'Failed to block/unblock users' }
}

/** Details that Meta words differently when it refuses at once. */
const SYNC_DETAILS: Record<number, string> = {
  131026: 'Message undeliverable.',
  131047: 'More than 24 hours have passed since the recipient last replied to the sender number.',
  131042: 'There was an error related to your payment method.',
  131053: 'Unable to upload the media used in the message.'
}

/** A refusal of the Graph API; `body` is what goes on the wire (without the trace id). */
export class GraphError extends Error {
  readonly http: number
  readonly code: number
  readonly body: Record<string, unknown>

  constructor(
    code: number,
    details?: string,
    extra: { http?: number; message?: string; type?: string; subcode?: number } = {}
  ) {
    const row = GRAPH_ERRORS[code] ?? { http: 400, title: 'An error occurred' }
    const said = details ?? SYNC_DETAILS[code] ?? row.details
    super(extra.message ?? `(#${code}) ${row.title}`)
    this.code = code
    this.http = extra.http ?? row.http
    this.body = {
      message: this.message,
      type: extra.type ?? 'OAuthException',
      code,
      ...(extra.subcode !== undefined ? { error_subcode: extra.subcode } : {}),
      ...(row.transient ? { is_transient: true } : {}),
      ...(said !== undefined ? { error_data: { messaging_product: 'whatsapp', details: said } } : {})
    }
  }
}

export function invalidToken(expired: boolean): GraphError {
  return expired
    ? new GraphError(190, undefined, {
        message: 'Error validating access token: Session has expired on Thursday, 05-Nov-26 00:00:00 PST.',
        subcode: 463
      })
    : new GraphError(190, undefined, { message: 'Invalid OAuth access token - Cannot parse access token' })
}

/** Code 100 with subcode 33: the object is missing or not ours. */
export function missingObject(method: string, id: string): GraphError {
  const verb = method.toLowerCase()
  return new GraphError(100, undefined, {
    message: `Unsupported ${verb} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation.`,
    type: 'GraphMethodException',
    subcode: 33
  })
}

/** The entry of `statuses[].errors` for a failed message (contract §4). */
export function statusError(code: number, details?: string): Record<string, unknown> {
  const row = GRAPH_ERRORS[code] ?? { http: 400, title: 'Something went wrong' }
  const said = details ?? row.details
  return {
    code,
    title: row.title,
    message: row.title,
    error_data: { details: said ?? row.title },
    href: HREF
  }
}
