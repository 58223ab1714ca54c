/** Elements that a kernel is given at a time at most: those of a few models fit into a processor's second cache. */
export const kernelBlock = 4096
