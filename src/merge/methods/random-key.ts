import { createHash } from 'node:crypto'
import type { MaskKey } from '../../tensor/random-masks.ts'

/**
 * Returns the key of the random mask of one model's tensor.
 * @param model the model's position in the recipe
 * @param tensor its name in the model whose file is written
 */
export function maskKey(seed: number, model: number, tensor: string): MaskKey {
  const digest = createHash('sha256').update(`tureen-mask-1\n${seed}\n${model}\n${tensor}`).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}
