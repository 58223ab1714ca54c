import { distance } from 'fastest-levenshtein'

const prefix = 'TUREEN_'

/** What Kubernetes sets in every container for a service whose name begins with tureen, such as TUREEN_PORT=tcp://10.0.0.1:3000. */
const serviceLink = /^TUREEN(_\w+)?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const serviceAddress = /^(tcp|udp|sctp):\/\//

/**
 * Why a variable that looks like ours is none: a sentence naming the nearest of those that are known, for each.
 * Values are not repeated: the name that is wrong may be that of a secret.
 */
export function unknownVariables(variables: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.entries(variables)
    .filter(([name, value]) => name.startsWith(prefix) && !known.includes(name) && !isServiceLink(name, value))
    .map(([name]) => `${name} is not known; ${nearest(name, known)} is the nearest that is`)
}

function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith('_PORT') && serviceAddress.test(value))
}

function nearest(name: string, known: readonly string[]): string {
  // What all have in common says nothing, and PORT has not got it.
  const tail = (each: string) => each.replace(prefix, '')
  const far = (each: string) => distance(tail(name), tail(each))
  return known.reduce((best, each) => (far(each) < far(best) ? each : best))
}
