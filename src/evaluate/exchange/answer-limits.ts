/** Most characters of the detail of a problem that an evaluator reports. */
export const mostDetail = 16_000

/** Most causes of a problem that an evaluator reports, and most characters of each of their texts. */
export const mostCauses = 1_000
export const mostCauseText = 4_000

/** Least milliseconds between two reports of progress by an evaluator. */
export const progressMilliseconds = 200

/**
 * Most bytes of what an evaluator says about one scoring metric of one model. A class takes about 100 bytes, so this is enough for the
 * classes of the largest vocabularies.
 */
export const mostMetricBytes = 64 << 20

/** Most bytes of measured statistics of batch norms, and of their names. No known network has a hundredth of it. */
export const mostMeasuredBytes = 64 << 20
