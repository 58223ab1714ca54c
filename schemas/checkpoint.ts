import { z } from 'zod'

/** Facts about a checkpoint beside its tensors. */
export const checkpointDescription = z
  .object({
    format: z
      .enum(['safetensors', 'safetensors-index', 'torch'])
      .describe(
        'safetensors-index: the index of a checkpoint in several safetensors files; torch: a zip file of torch.save',
      ),
    root: z
      .string()
      .describe('Place of the dict of tensors in a file of torch.save: keys joined by /; empty for the top level'),
    roots: z
      .array(z.string())
      .describe('All places of dicts of tensors, at most 32; the parameter root of an upload chooses one'),
    metadata: z
      .record(z.string(), z.string())
      .describe('Texts of a safetensors header: at most 64, each with 256 characters at most. The file has all'),
    ignored: z.array(z.string()).describe('Keys without a tensor, at most 100. Soups and comparisons ignore them'),
  })
  .meta({ id: 'Checkpoint' })

export type CheckpointDescription = z.infer<typeof checkpointDescription>
