/** Reads the answer of a running request: whole and bounded, or as a stream. Opens no connections. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { HttpAnswer, HttpFailure, HttpRequest, HttpStreamAnswer } from './types.ts'
import { DEFAULT_MAX_ANSWER_BYTES } from './types.ts'

/** What a running request offers to whoever reads its answer. */
export interface Exchange {
  finish(): void
  fail(reason: HttpFailure['reason'], cause?: unknown): void
  /** From now on failures go here instead of to the caller's promise. */
  onFailure: (failure: HttpFailure) => void
}

/** Fails when the answer is cut, too late or longer than the request allows. */
export function collectAnswer(
  request: HttpRequest,
  answer: IncomingMessage,
  exchange: Exchange,
  resolve: (answer: HttpAnswer) => void
): void {
  const limit = request.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES
  const chunks: Buffer[] = []
  let size = 0
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > limit) exchange.fail('too_large')
    else chunks.push(chunk)
  })
  answer.on('end', () => {
    if (!answer.complete) return exchange.fail('reset')
    exchange.finish()
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
  })
  answer.on('error', cause => exchange.fail('reset', cause))
  answer.on('close', () => exchange.fail('reset'))
}

/** The stream fails when the answer is cut or too late; destroying it ends the exchange. */
export function streamAnswer(answer: IncomingMessage, exchange: Exchange): HttpStreamAnswer {
  const stream = new Readable({
    read() {
      answer.resume()
    },
    destroy(error, callback) {
      exchange.finish()
      answer.destroy()
      callback(error)
    }
  })
  exchange.onFailure = failure => stream.destroy(failure)
  answer.on('data', chunk => {
    if (!stream.push(chunk)) answer.pause()
  })
  answer.on('end', () => {
    if (!answer.complete) return exchange.fail('reset')
    exchange.finish()
    stream.push(null)
  })
  answer.on('error', cause => exchange.fail('reset', cause))
  answer.on('close', () => exchange.fail('reset'))
  answer.pause()
  return { status: answer.statusCode ?? 0, headers: answer.headers, stream }
}
