import type { SoupReport } from '../../schemas/soup.ts'

/**
 * Most characters of the encoded report in a header. Proxies bound the headers of an answer: nginx by default answers 502 if they have
 * more than 4,096 bytes in all.
 */
const longestReport = 2048

/**
 * Returns the headers that report on a one-shot soup. `Tureen-Warnings` is the number of warnings. `Tureen-Report` is the report as JSON
 * in base64url; it is absent if it would be too long.
 */
export function soupReportHeaders(report: SoupReport): Record<string, string> {
  const encoded = Buffer.from(JSON.stringify(report)).toString('base64url')
  return {
    'tureen-warnings': String(report.warnings.length),
    ...(encoded.length <= longestReport ? { 'tureen-report': encoded } : {}),
  }
}
