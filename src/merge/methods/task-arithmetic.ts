import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { elementwise, type Method } from './method.ts'
import { lambda, requireDivisor, weighted } from './parameters.ts'

type Parameters = { lambda: number }

/** Adds the models' changes of the base. */
export const taskArithmetic: Method<Parameters> = {
  name: 'task_arithmetic',
  description: 'Adds the weighted changes of the models to the base',
  formula: 'b + lambda sum(w_i d_i)',
  source: 'Ilharco et al. 2022, arXiv:2212.04089',
  parameters: z => z.strictObject({ lambda: lambda(z) }),
  models: { min: 1, max: null },
  base: 'required',
  fisher: false,
  weights: true,
  normalize: false,
  needs: [],
  check: requireDivisor,
  plan: () => elementwise,
  kernel: ({ settings }) => contributionKernel({ ...weighted(settings, false), sparsify: null }),
}
