/**
 * What every `Channel` must do, whatever stands behind it: a stand-in or Meta itself. The harness gives access and the
 * other side's view; the suite knows the port and the facts only. One adapter's test is a harness handed to this.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type {
  InboundContent,
  InboundFact,
  OutboundPart,
  PartToSend,
  Recipient,
  StatusFact
} from '../../plugin/core/model.ts'
import type { Channel, NumberAccess } from '../../plugin/core/ports/channel.ts'

/** What may be made to go wrong on the next call. */
export type ChannelFault = 'reset' | 'silence' | 'silence_after_accept' | 'garbage' | 'unavailable' | 'throttled'

export interface ChannelHarness {
  channel: Channel
  access: NumberAccess
  /** Somebody who may be written to now, by phone and by user id. */
  phone: Recipient
  userId: Recipient
  /** A picture and a sound that the channel takes. */
  image: Buffer
  voice: Buffer
  /** An approved template without variables. */
  template: { name: string; language: string }
  /** How many messages with this reference the other side accepted. */
  countAccepted(reference: string): number
  /** How often the other side was asked to mark this message read. */
  countRead(wamid: string): number
  /** Waits for a status that carries the reference. */
  awaitStatus(reference: string): Promise<StatusFact>
  /** Lets the customer do something, and gives the facts that came of it. */
  say(input: Record<string, unknown>): Promise<InboundFact[]>
  break(fault: ChannelFault): void
  close(): Promise<void>
}

let serial = 0
const nextReference = () => `attempt-${process.pid}-${++serial}`
const text: OutboundPart = { kind: 'text', body: 'Hello', previewUrl: false }

/** Registers the suite's tests; `open` gives a fresh harness for each group. */
export function runChannelSuite(t: Test, open: (t: Test) => Promise<ChannelHarness>): void {
  t.test('a message is accepted once, and its status carries the reference', async t => {
    const { channel, access, phone, countAccepted, awaitStatus } = await open(t)
    const reference = nextReference()
    let left = 0
    const accepted = await channel.send(
      access,
      { to: phone, part: text, reference },
      { beforeBytes: () => void left++ }
    )
    t.ok(accepted.wamid.length > 10)
    t.equal(accepted.waId, phone.phone?.slice(1))
    t.equal(left, 1)
    t.equal(countAccepted(reference), 1)
    const status = await awaitStatus(reference)
    t.match(status, { wamid: accepted.wamid, reference, status: /sent|delivered|read/ })
  })

  t.test('a user id will do instead of a phone', async t => {
    const { channel, access, userId, countAccepted } = await open(t)
    const reference = nextReference()
    const accepted = await channel.send(access, { to: userId, part: text, reference }, {})
    t.equal(accepted.userId, userId.userId)
    t.equal(countAccepted(reference), 1)
  })

  t.test('every kind of part is taken', async t => {
    const { channel, access, phone, image, voice, template, countAccepted } = await open(t)
    const dir = mkdtempSync(join(tmpdir(), 'puente-channel-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const upload = (bytes: Buffer, mimeType: string, name: string) => {
      const path = join(dir, name)
      writeFileSync(path, bytes)
      return channel.uploadMedia(access, { path, mimeType, name })
    }
    const picture = await upload(image, 'image/jpeg', 'ä "quoted".jpg')
    const sound = await upload(voice, 'audio/ogg', 'voice.ogg')
    const choices = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ id: `c${n}`, title: `Choice number ${n}` }))
    const parts: Record<string, OutboundPart> = {
      text: { kind: 'text', body: 'See https://example.org', previewUrl: true },
      image: { kind: 'media', type: 'image', mediaId: picture, caption: 'A picture' },
      document: { kind: 'media', type: 'document', mediaId: picture, filename: 'a.jpg' },
      voice: { kind: 'media', type: 'audio', mediaId: sound, voice: true },
      buttons: { kind: 'choices', body: 'Which?', choices: choices(3), listLabel: 'Options' },
      list: { kind: 'choices', body: 'Which?', choices: choices(10), listLabel: 'Options' },
      template: { kind: 'template', template: { ...template, components: [] } }
    }
    let quotes: string | undefined
    for (const [name, part] of Object.entries(parts)) {
      const message: PartToSend = { to: phone, part, reference: nextReference() }
      if (quotes !== undefined) message.quotes = quotes
      quotes = (await channel.send(access, message, {})).wamid
      t.equal(countAccepted(message.reference), 1, name)
    }
  })

  t.test('what beforeBytes throws keeps the message from leaving', async t => {
    const { channel, access, phone, countAccepted } = await open(t)
    const reference = nextReference()
    const beforeBytes = () => {
      throw new Error('too late')
    }
    await t.rejects(channel.send(access, { to: phone, part: text, reference }, { beforeBytes }), {
      code: 'internal',
      certainty: 'did_not_happen'
    })
    t.equal(countAccepted(reference), 0)
  })

  t.test('a refusal did not happen, and says what to do', async t => {
    const { channel, access, phone, countAccepted } = await open(t)
    const send = async (message: Partial<PartToSend>, given = access) => {
      const reference = nextReference()
      const outcome = await channel
        .send(given, { to: phone, part: text, reference, ...message }, {})
        .catch(error => error)
      t.equal(outcome.certainty, 'did_not_happen')
      t.equal(countAccepted(reference), 0)
      return outcome
    }
    t.match(await send({}, { ...access, token: 'no-such-token' }), { code: 'wa_token_invalid', remedy: 'reauthorise' })
    t.match(await send({ to: {} }), { code: 'no_recipient' })
    t.match(
      await send({
        part: { kind: 'template', template: { name: 'no_such_template', language: 'en_US', components: [] } }
      }),
      {
        code: 'wa_template_missing'
      }
    )
    t.match(await send({ part: { kind: 'text', body: 'x'.repeat(4097), previewUrl: false } }), {
      code: 'wa_invalid',
      remedy: 'fix_message'
    })
    t.match(await send({}, { ...access, graphUrl: 'http://127.0.0.1:1' }), { code: 'wa_unreachable', remedy: 'retry' })
  })

  t.test('without a full answer nobody knows: may_have_happened, and no second try of its own', async t => {
    const harness = await open(t)
    const { channel, access, phone, countAccepted } = harness
    const outcomes: [ChannelFault, string, number][] = [
      ['reset', 'wa_no_answer', 0],
      ['silence', 'wa_no_answer', 0],
      ['silence_after_accept', 'wa_no_answer', 1],
      ['garbage', 'wa_no_answer', 1],
      ['unavailable', 'wa_temporary', 0]
    ]
    for (const [fault, code, accepted] of outcomes) {
      const reference = nextReference()
      harness.break(fault)
      await t.rejects(
        channel.send(access, { to: phone, part: text, reference }, {}),
        { code, certainty: 'may_have_happened' },
        fault
      )
      t.equal(countAccepted(reference), accepted, `${fault}: the other side’s view`)
    }
    const reference = nextReference()
    await channel.send(access, { to: phone, part: text, reference }, {})
    t.equal(countAccepted(reference), 1, 'the next message goes')
  })

  t.test('a lost answer is settled by the status with our reference', async t => {
    const harness = await open(t)
    const reference = nextReference()
    harness.break('silence_after_accept')
    await t.rejects(harness.channel.send(harness.access, { to: harness.phone, part: text, reference }, {}), {
      code: 'wa_no_answer',
      certainty: 'may_have_happened'
    })
    t.match(await harness.awaitStatus(reference), { reference, wamid: /^wamid/ })
  })

  t.test('slowing down is told with its wait', async t => {
    const harness = await open(t)
    harness.break('throttled')
    const sending = harness.channel.send(
      harness.access,
      { to: harness.phone, part: text, reference: nextReference() },
      {}
    )
    await t.rejects(sending, {
      code: 'wa_rate_limited',
      certainty: 'did_not_happen',
      remedy: 'retry',
      retryAfterSeconds: 7
    })
  })

  t.test('read marks and typing may be repeated', async t => {
    const { channel, access, say, countRead } = await open(t)
    const [fact] = await say({ type: 'text', text: 'Hi' })
    if (fact?.kind !== 'message') throw new Error('no message')
    const { wamid } = fact.message
    await channel.markRead(access, wamid)
    await channel.markRead(access, wamid, { typing: true })
    t.equal(countRead(wamid), 2)
  })

  t.test('received media are located and opened, byte for byte', async t => {
    const { channel, access, say } = await open(t)
    const [fact] = await say({ type: 'image' })
    if (fact?.kind !== 'message' || fact.message.content.kind !== 'media') throw new Error('no media')
    const { media } = fact.message.content
    const address = await channel.locateMedia(access, media.id)
    t.equal(address.mimeType, media.mimeType)
    t.equal(address.sha256, media.sha256, 'webhook and look-up name the same bytes')
    const { stream, sizeBytes } = await channel.openMedia(access, address.url)
    const bytes = await buffer(stream)
    t.equal(bytes.length, sizeBytes)
    t.equal(bytes.length, address.sizeBytes)
    t.equal(createHash('sha256').update(bytes).digest('hex'), address.sha256)
    await t.rejects(channel.locateMedia(access, '999999999999999'), { code: 'media_gone' })
    await t.rejects(channel.openMedia(access, 'http://169.254.169.254/'), { code: 'media_origin' })
    const unread = await channel.openMedia(access, address.url)
    ;(unread.stream as Readable).destroy()
  })

  t.test('the number tells its facts', async t => {
    const { channel, access } = await open(t)
    const facts = await channel.readNumber(access)
    t.ok(facts.displayPhoneNumber.length > 5)
    t.ok([20, 80, 1000].includes(facts.throughputPerSecond))
    await t.rejects(channel.readNumber({ ...access, token: 'wrong' }), { code: 'wa_token_invalid' })
    t.type(await channel.readCalling(access), 'boolean', 'and whether customers may call it')
    await t.rejects(channel.readCalling({ ...access, token: 'wrong' }), { code: 'wa_token_invalid' })
  })

  t.test('everything that a customer does comes as a fact that can be shown', async t => {
    const { channel, access, phone, say } = await open(t)
    const { wamid: context } = await channel.send(access, { to: phone, part: text, reference: nextReference() }, {})
    const contents: [Record<string, unknown>, Partial<InboundContent>][] = [
      [
        { type: 'text', text: 'ñ 😀' },
        { kind: 'text', body: 'ñ 😀' }
      ],
      [
        { type: 'image', text: 'caption' },
        { kind: 'media', type: 'image' }
      ],
      [{ type: 'video' }, { kind: 'media', type: 'video' }],
      [{ type: 'audio' }, { kind: 'media', type: 'audio' }],
      [{ type: 'voice' }, { kind: 'media', type: 'audio' }],
      [{ type: 'document' }, { kind: 'media', type: 'document' }],
      [{ type: 'sticker' }, { kind: 'media', type: 'sticker' }],
      [
        { type: 'location', latitude: 1.5, longitude: -2.5 },
        { kind: 'location', latitude: 1.5, longitude: -2.5 }
      ],
      [{ type: 'contacts' }, { kind: 'contacts' }],
      [
        { type: 'button_reply', context, id: 'a', title: 'A' },
        { kind: 'choice', via: 'button', id: 'a', title: 'A' }
      ],
      [
        { type: 'list_reply', context, id: 'a', title: 'A' },
        { kind: 'choice', via: 'list', id: 'a', title: 'A' }
      ],
      [
        { type: 'button', context, title: 'Yes', payload: 'yes' },
        { kind: 'choice', via: 'template', title: 'Yes', id: 'yes' }
      ],
      [
        { type: 'flow', context },
        { kind: 'form', name: 'flow' }
      ],
      [
        { type: 'address', context },
        { kind: 'form', name: 'address_message' }
      ],
      [{ type: 'call_permission', context }, { kind: 'call_permission' }],
      [{ type: 'interactive_empty' }, { kind: 'unsupported', subtype: 'interactive' }],
      [{ type: 'order' }, { kind: 'order' }],
      [
        { type: 'reaction', context, emoji: '👍' },
        { kind: 'reaction', target: context, emoji: '👍' }
      ],
      [
        { type: 'edit', context, text: 'better' },
        { kind: 'edit', target: context, content: { kind: 'text', body: 'better' } }
      ],
      [
        { type: 'revoke', context },
        { kind: 'revoke', target: context }
      ],
      [
        { type: 'unsupported', subtype: 'poll_creation' },
        { kind: 'unsupported', subtype: 'poll_creation' }
      ],
      [{ type: 'media_too_large' }, { kind: 'unsupported' }],
      [{ type: 'identity_change' }, { kind: 'identity_changed' }],
      [
        { type: 'unknown', subtype: 'hologram' },
        { kind: 'unknown', type: 'hologram' }
      ]
    ]
    for (const [input, content] of contents) {
      const [fact] = await say(input)
      t.match(fact, { kind: 'message', message: { content } }, String(input.type))
    }
    t.match(await say({ type: 'call' }), [{ kind: 'call' }])
    t.match(await say({ type: 'link_click' }), [{ kind: 'notice', field: 'user_actions' }])
    t.match(await say({ type: 'echo', text: 'from the phone' }), [
      { kind: 'echo', message: { content: { body: 'from the phone' } } }
    ])
    t.match(await say({ type: 'group', text: 'all' }), [{ kind: 'message', message: { groupId: /./ } }])
    t.match(await say({ type: 'referral', text: 'ad' }), [
      { kind: 'message', message: { referral: { sourceType: /./ } } }
    ])
    t.match(await say({ type: 'number_change', phone: '+15550109999' }), [
      { kind: 'message', message: { content: { kind: 'number_changed', to: { waId: '15550109999' } } } }
    ])
  })
}
