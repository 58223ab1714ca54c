import { nearest } from '../nearest.ts'

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
    .map(([name]) => `${name} is not known; ${nearestVariable(name, known)} is the nearest that is`)
}

function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith('_PORT') && serviceAddress.test(value))
}

/** The known variable whose name is nearest to a name, `TUREEN_` left out: all have it in common, and PORT has not got it. */
export function nearestVariable(name: string, known: readonly string[]): string {
  const tail = (each: string) => each.replace(prefix, '')
  const best = nearest(tail(name), known.map(tail))
  return known.find(each => tail(each) === best) ?? ''
}
