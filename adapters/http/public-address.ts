/**
 * Says whether an address is one of the public internet, and a DNS look-up that refuses all others at the moment of
 * connecting (so that a name cannot change its meaning between check and use). Knows nothing about URLs.
 */
import dns from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Not reachable for the public: IANA special-purpose registries for IPv4 and IPv6, as of 2026-01. */
const NOT_PUBLIC_4: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4]
]
const NOT_PUBLIC_6: [string, number][] = [
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16]
]

const notPublic4 = new BlockList()
for (const [net, prefix] of NOT_PUBLIC_4) notPublic4.addSubnet(net, prefix, 'ipv4')
const notPublic6 = new BlockList()
for (const [net, prefix] of NOT_PUBLIC_6) notPublic6.addSubnet(net, prefix, 'ipv6')
/** Everything handed out so far as global unicast; what lies outside (loopback, link-local, unique local …) is not. */
const globalUnicast6 = new BlockList()
globalUnicast6.addSubnet('2000::', 3, 'ipv6')
const translated6 = new BlockList()
translated6.addSubnet('64:ff9b::', 96, 'ipv6')

/** True for an IP address (without brackets) that anybody on the internet may reach. False for whatever is no address. */
export function isPublicAddress(address: string): boolean {
  const plain = address.split('%')[0]!
  if (isIP(plain) === 4) return !notPublic4.check(plain, 'ipv4')
  if (isIP(plain) !== 6) return false
  if (translated6.check(plain, 'ipv6')) return isPublicAddress(lastFourBytes(plain))
  return globalUnicast6.check(plain, 'ipv6') && !notPublic6.check(plain, 'ipv6')
}

/** The IPv4 address at the end of an IPv6 one, dotted. */
function lastFourBytes(address: string): string {
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  if (dotted) return dotted[1]!
  const [head = '', tail] = address.split('::')
  const groups = (tail ?? head).split(':').slice(-2)
  const [high, low] = groups.length === 2 ? groups : ['0', groups[0]]
  const bits = ((parseInt(high || '0', 16) << 16) | parseInt(low || '0', 16)) >>> 0
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}

/** Marks the refusal, so that the client can tell it from a name that does not resolve. */
export const NOT_PUBLIC_CODE = 'ERR_NOT_PUBLIC'

/** Resolves like `dns.lookup`, but fails when any address of the name is not public. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '')
    const first = addresses[0]
    if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
      return callback(Object.assign(new Error('the name resolves to a private address'), { code: NOT_PUBLIC_CODE }), '')
    }
    if (options.all) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}
