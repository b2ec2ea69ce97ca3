/** The limit of R1 and R5: a bare Fastify that parses the same body with its own JSON parser and answers OK. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'

const app = Fastify({ logger: false })
app.post('/webhooks/whatsapp', (_request, reply) => reply.type('text/plain').send('OK'))
await app.listen({ host: '127.0.0.1', port: 0 })
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
process.on('disconnect', () => process.exit(0))
process.send!({ ready: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` })
