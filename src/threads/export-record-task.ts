import type { ExportItem, ExportRecord, ExportSummary } from '../../schemas/export.ts'
import { keysOf } from '../export/derivation.ts'
import { derivationText } from '../export/derivation-text.ts'
import { readOr } from '../storage/unreadable.ts'
import { checkedText, readCorrespondence } from './correspondence-document.ts'

/** Returns an export with its lists for display; an unreadable one if its correspondence is damaged. @param text its correspondence */
export function describeExport(summary: ExportSummary, text: string): ExportItem {
  const { id, name, labels, sha256, createdAt, expiresAt } = summary
  return readOr<ExportRecord, ExportItem>(
    () => recordOf(summary, checkedText(summary, text)),
    unreadable => ({ id, name, labels, sha256, createdAt, expiresAt, unreadable }),
  )
}

function recordOf(summary: ExportSummary, text: string): ExportRecord {
  const { weights, unmatched, numbers, ambiguous, shared, unused } = readCorrespondence(text)
  return {
    ...summary,
    weights: weights.map(({ tensor, dtype, dims, derivation }) => ({
      tensor,
      dtype,
      dims,
      keys: [...keysOf(derivation)],
      derivation: derivationText(derivation),
    })),
    unmatched: unmatched.map(({ tensor, dtype, dims, nearest, reason }) => ({ tensor, dtype, dims, nearest, reason })),
    numbers: numbers.map(({ tensor, dtype, dims }) => ({ tensor, dtype, dims })),
    ambiguous: ambiguous.map(({ weights, choices }) => ({ weights, choices: choices.map(derivationText) })),
    shared: shared.map(({ tensor, others }) => ({
      tensor,
      others: others.map(({ output, derivation }) => ({ output, derivation: derivationText(derivation) })),
    })),
    unused,
  }
}
