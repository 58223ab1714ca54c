/**
 * The largest number of elements that a kernel computes at a time. The blocks of a few models fit into a processor's
 * second-level cache.
 */
export const kernelBlock = 4096
