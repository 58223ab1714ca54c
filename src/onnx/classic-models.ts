/**
 * Treatment of the attributes of ai.onnx.ml's operators, whose models are lists in attributes.
 *
 * Source: ONNX's Operators-ml.md (https://github.com/onnx/onnx/blob/main/docs/Operators-ml.md), up to version 5 of
 * ai.onnx.ml.
 */
const domainOfClassicModels = 'ai.onnx.ml'

const linear = ['coefficients', 'intercepts']
const supportVectorMachine = ['coefficients', 'rho']

const averagedLists: ReadonlyMap<string, readonly string[]> = new Map([
  ['LinearClassifier', linear],
  ['LinearRegressor', linear],
  ['Scaler', ['offset', 'scale']],
  ['SVMClassifier', supportVectorMachine],
  ['SVMRegressor', supportVectorMachine],
])

const averagedNames: ReadonlySet<string> = new Set([...averagedLists.values()].flat())

/** Attributes that give a support vector machine its support vectors. Without them it is a linear model. */
export const supportVectorAttributes: ReadonlySet<string> = new Set([
  'n_supports',
  'support_vectors',
  'vectors_per_class',
])

/** True if any operator has an averaged list of this name. */
export function mayBeAveraged(attribute: string): boolean {
  return averagedNames.has(attribute)
}

/**
 * Returns the attribute names of an operator's float lists that soups average. `hasSupportVectors`: true if this node
 * has support vectors.
 */
export function averagedListsOf(domain: string, opType: string, hasSupportVectors: boolean): readonly string[] {
  if (domain !== domainOfClassicModels || (isSupportVectorMachine(opType) && hasSupportVectors)) return []
  return averagedLists.get(opType) ?? []
}

/** True if an operator may have support vectors. */
export function isSupportVectorMachine(opType: string): boolean {
  return averagedLists.get(opType) === supportVectorMachine
}

/** True if an operator is the Scaler of ai.onnx.ml. Its lists are statistics of training data. */
export function isScaler({ domain, opType }: { domain: string; opType: string }): boolean {
  return domain === domainOfClassicModels && opType === 'Scaler'
}

const trees = 'the trees of two models do not correspond, so their lists cannot be averaged'
const vectors = 'the support vectors of two models do not correspond, so what belongs to them cannot be averaged'
const classes = 'the scores of the two models stand for other classes: train both with the same labels in one order'
const calibration = 'it belongs to the scores of one model: fit both with the same, or leave probabilities out'
const table = 'a table of labels or codes has no mean'

type Reasons = Readonly<Record<string, string>>

const supportVectorReasons: Reasons = {
  ...Object.fromEntries([...supportVectorMachine, ...supportVectorAttributes].map(name => [name, vectors])),
  prob_a: calibration,
  prob_b: calibration,
}

const reasons: ReadonlyMap<string, Reasons> = new Map([
  ['Imputer', { imputed_value_floats: 'an imputed value may be a code, and the mean of two codes is not a code' }],
  ['LabelEncoder', { keys_floats: table, values_floats: table, keys_tensor: table, values_tensor: table }],
  ['SVMClassifier', supportVectorReasons],
  ['SVMRegressor', supportVectorReasons],
])

/** Attributes that make up the trees of an ensemble. */
const treeLists = /^(nodes|leaf|class|target)_|^base_values|^membership_values$|^tree_roots$/

/**
 * Returns the reason why an attribute that differs between two models cannot be averaged; undefined if the difference
 * explains itself.
 */
export function whyNeverAveraged(domain: string, opType: string, attribute: string): string | undefined {
  if (domain !== domainOfClassicModels) return undefined
  if (attribute.startsWith('classlabels_')) return classes
  if (opType.startsWith('TreeEnsemble') && treeLists.test(attribute)) return trees
  const own = reasons.get(opType)
  return own && Object.hasOwn(own, attribute) ? own[attribute] : undefined
}
