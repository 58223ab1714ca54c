import type { Values } from '../../../src/evaluate/metrics/metric.ts'
import { full, rows } from './score.ts'

/** What a metric cannot compare, and what its refusal says. */
type Refused = { metric: string; output: Values; target: Values; parameters?: Record<string, unknown>; detail: RegExp }

export const refused: Record<string, Refused> = {
  'different numbers of samples': {
    metric: 'accuracy',
    output: full([4, 10]),
    target: full([3]),
    detail: /^accuracy: the output \[4, 10\] has 4 samples, the target \[3\] has 3$/,
  },
  'class targets that are no integers': {
    metric: 'accuracy',
    output: full([2, 3]),
    target: rows([0, 0.5]),
    detail: /the target of sample 1 is 0.5, which is not an integer/,
  },
  'a class that the output does not have': {
    metric: 'crossEntropy',
    output: full([2, 3]),
    target: rows([0, 3]),
    detail: /the target of sample 1 is 3, which is not a class of the output: the output has the classes 0 to 2$/,
  },
  'a negative class': { metric: 'topK', output: full([1, 3]), target: rows([-1]), detail: /sample 0 is -1/ },
  'a class that is NaN': { metric: 'macroF1', output: full([1, 3]), target: rows([Number.NaN]), detail: /is NaN/ },
  'a third class for a binary head': {
    metric: 'accuracy',
    output: full([2]),
    target: rows([0, 2]),
    detail: /the binary head has the classes 0 and 1$/,
  },
  'a one-hot row with two ones': {
    metric: 'accuracy',
    output: full([2, 3]),
    target: rows([
      [0, 0, 1],
      [1, 0, 1],
    ]),
    detail: /that of sample 1 is not one 1 among zeros/,
  },
  'a one-hot row of soft labels': {
    metric: 'balancedAccuracy',
    output: full([1, 3]),
    target: rows([[0.1, 0.9, 0]]),
    detail: /not one 1 among zeros/,
  },
  'one-hot rows of other classes': {
    metric: 'accuracy',
    output: full([2, 3]),
    target: full([2, 4]),
    detail: /the shapes do not fit: output \[2, 3\], target \[2, 4\]; expected/,
  },
  'one-hot rows for a binary head': {
    metric: 'accuracy',
    output: full([2, 1]),
    target: full([2, 2]),
    detail: /\[2, 2\]/,
  },
  'one target for many positions': { metric: 'accuracy', output: full([2, 3, 4]), target: full([2]), detail: /\[2\]/ },
  'positions that are others': {
    metric: 'accuracy',
    output: full([2, 3, 4]),
    target: full([2, 5]),
    detail: /\[2, 5\]/,
  },
  'positions of another rank': {
    metric: 'accuracy',
    output: full([2, 3, 4]),
    target: full([2, 4, 4, 4]),
    detail: /fit/,
  },
  'one-hot positions': { metric: 'accuracy', output: full([2, 3, 4]), target: full([2, 3, 4]), detail: /fit/ },
  'an output without scores': { metric: 'accuracy', output: full([2, 0]), target: full([2]), detail: /\[2, 0\]/ },
  'positions of which there are as many as classes': {
    metric: 'crossEntropy',
    output: full([2, 4, 4]),
    target: full([2, 4]),
    detail: /the classes may lie on axis 1 or on the last axis, both fit \(output \[2, 4, 4\], target \[2, 4\]\)/,
  },
  'either a binary head at positions or one row of classes': {
    metric: 'accuracy',
    output: full([2, 1, 4]),
    target: full([2, 1, 4]),
    detail: /both fit/,
  },
  'topK of a binary head': { metric: 'topK', output: full([2, 1]), target: full([2]), detail: /one score a sample/ },
  'probabilities that do not sum to 1': {
    metric: 'crossEntropy',
    output: rows([[0.5, 0.4]]),
    target: rows([0]),
    parameters: { from: 'probabilities' },
    detail: /are to be read as probabilities, but a row has a negative value or does not sum to 1$/,
  },
  'probabilities of a binary head above 1': {
    metric: 'accuracy',
    output: rows([1.5]),
    target: rows([1]),
    parameters: { from: 'probabilities' },
    detail: /one lies outside \[0, 1\]$/,
  },
  'values of another shape': {
    metric: 'mse',
    output: full([2, 3]),
    target: full([2, 4]),
    detail: /^mse: the output \[2, 3\] and the target \[2, 4\] must have the same shape$/,
  },
  'values with their axes exchanged': {
    metric: 'r2',
    output: full([2, 3, 4]),
    target: full([2, 4, 3]),
    detail: /shape/,
  },
  'values of which one is to stand for many': {
    metric: 'mae',
    output: full([2, 3]),
    target: full([2]),
    detail: /shape/,
  },
  'a reference with an axis more': { metric: 'allClose', output: full([2, 1]), target: full([2]), detail: /shape/ },
  'masks of the output’s shape': {
    metric: 'meanIoU',
    output: full([1, 3, 2, 2]),
    target: full([1, 3, 2, 2]),
    detail: /fit/,
  },
  'masks without an axis': { metric: 'meanIoU', output: full([1, 3, 2, 2]), target: full([1, 2]), detail: /fit/ },
  volumes: { metric: 'meanIoU', output: full([1, 3, 2, 2, 2]), target: full([1, 2, 2]), detail: /fit/ },
  'an output without pixels': { metric: 'meanIoU', output: full([1, 3, 0, 2]), target: full([1, 2, 2]), detail: /fit/ },
  'classes on the last axis of an image': {
    metric: 'meanIoU',
    output: full([1, 4, 5, 3]),
    target: full([1, 4, 5]),
    detail: /the output has its classes on the last axis .*transpose it to \[n, C, h, w\]$/,
  },
  'a label that the output does not have': {
    metric: 'meanIoU',
    output: full([1, 3, 2, 2]),
    target: full([1, 2, 2], 3),
    detail: /a mask has the label 3: the output has the classes 0 to 2; ignoreIndex, 255, is left out$/,
  },
  'a label that is no integer': {
    metric: 'meanIoU',
    output: full([1, 2, 2]),
    target: full([1, 2, 2], 0.5),
    detail: /0.5/,
  },
  'a label beyond all limits': {
    metric: 'meanIoU',
    output: full([1, 2, 2]),
    target: full([1, 2, 2], 1e9),
    detail: /below 65536/,
  },
  'one number a pixel that is no label, for masks of many classes': {
    metric: 'meanIoU',
    output: full([1, 2, 2], 1.5),
    target: full([1, 2, 2], 7),
    detail: /the masks have the label 7, but the outputs have one number a pixel, and not all of them are labels/,
  },
  'labels of another size than the masks': {
    metric: 'meanIoU',
    output: full([1, 1, 1], 7),
    target: full([1, 2, 2], 7),
    detail: /not all of them are labels of the same size$/,
  },
  'labels that the request calls logits': {
    metric: 'meanIoU',
    output: full([1, 2, 2], 7),
    target: full([1, 2, 2], 7),
    parameters: { from: 'logits' },
    detail: /they are not to be read as labels$/,
  },
}
