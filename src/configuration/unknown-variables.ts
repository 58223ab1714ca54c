import { nearest } from '../nearest.ts'

const prefix = 'TUREEN_'

/** Names of variables that Kubernetes sets in containers for a service named tureen, such as TUREEN_PORT=tcp://10.0.0.1:3000. */
const serviceLink = /^TUREEN(_\w+)?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const serviceAddress = /^(tcp|udp|sctp):\/\//

/**
 * Returns one sentence for each unknown variable that begins with `TUREEN_`, with the nearest known name.
 * It never repeats a value: a misspelt variable may hold a secret.
 */
export function unknownVariables(variables: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.entries(variables)
    .filter(([name, value]) => name.startsWith(prefix) && !known.includes(name) && !isServiceLink(name, value))
    .map(([name]) => `${name} is not known; ${nearestVariable(name, known)} is the nearest that is`)
}

function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith('_PORT') && serviceAddress.test(value))
}

/** Returns the known variable whose name is nearest. It compares names without `TUREEN_`, which HOST and PORT do not have. */
export function nearestVariable(name: string, known: readonly string[]): string {
  const tail = (each: string) => each.replace(prefix, '')
  const best = nearest(tail(name), known.map(tail))
  return known.find(each => tail(each) === best) ?? ''
}
