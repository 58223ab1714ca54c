import type { SoupReport } from '../../schemas/merge.ts'

/**
 * Characters of the encoded report that a header may have. Proxies bound the headers of an answer: nginx with its default buffers,
 * 4,096 bytes for all of them, answers 502 beyond.
 */
const longestReport = 2048

/**
 * The headers that report on a one-shot soup: `Tureen-Warnings`, how many warnings there are, and, if it is short enough,
 * `Tureen-Report`, the report as JSON in base64url.
 */
export function soupReportHeaders(report: SoupReport): Record<string, string> {
  const encoded = Buffer.from(JSON.stringify(report)).toString('base64url')
  return {
    'tureen-warnings': String(report.warnings.length),
    ...(encoded.length <= longestReport ? { 'tureen-report': encoded } : {}),
  }
}
