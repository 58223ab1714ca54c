/** Most characters of the detail of a problem that an evaluator reports. */
export const mostDetail = 16_000

/** Most causes of a problem that an evaluator reports, and most characters of each of their texts. */
export const mostCauses = 1_000
export const mostCauseText = 4_000

/** Least milliseconds between two reports of progress by an evaluator. */
export const progressMilliseconds = 200

/** Bytes that any result may have. */
const baseBytes = 1 << 20
/** Bytes that a result may have for each element of the targets: a class takes about 100, and a label counts too. */
const bytesOfTarget = 512
/** Most bytes about one scoring metric of one model. It is enough for the classes of the largest vocabularies. */
const mostMetricBytes = 32 << 20
/** Most bytes of measured statistics, and of the names of their batch norms. No known network has a hundredth of it. */
const mostMeasuredBytes = 64 << 20
/** Bytes of measured statistics for each byte of the model: they replace tensors of it, and names may be escaped. */
const bytesOfModelByte = 8

/** Returns the most bytes of scores. @param scores number of models times scoring metrics; @param targets elements of the target array */
export function mostScoreBytes(scores: number, targets: number): number {
  return baseBytes + scores * Math.min(mostMetricBytes, targets * bytesOfTarget)
}

/** Returns the most bytes of measured statistics. @param modelBytes bytes of all files of the model */
export function mostStatisticsBytes(modelBytes: number): number {
  return Math.min(mostMeasuredBytes, baseBytes + modelBytes * bytesOfModelByte)
}
