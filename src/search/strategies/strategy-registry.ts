import type { StrategyRequest } from '../../../schemas/strategy.ts'
import type { Strategy } from '../strategy.ts'
import { cmaEs } from './cma-es.ts'
import { coordinate } from './coordinate.ts'
import { exhaustive } from './exhaustive.ts'
import { greedy } from './greedy.ts'
import { pairs } from './pairs.ts'
import { sweep } from './sweep.ts'
import { topK } from './top-k.ts'

/** Returns the strategy that a request asks for. */
export function createStrategy(request: StrategyRequest): Strategy {
  switch (request.type) {
    case 'greedy':
      return greedy(request)
    case 'exhaustive':
      return exhaustive(request)
    case 'topK':
      return topK(request)
    case 'sweep':
      return sweep(request)
    case 'pairs':
      return pairs(request)
    case 'coordinate':
      return coordinate(request)
    case 'cmaEs':
      return cmaEs(request)
  }
}
