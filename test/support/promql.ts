import { parser } from '@prometheus-io/lezer-promql'

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

/** A comparison of a label with a text, such as `status=~"5.."`. */
export type LabelMatcher = { label: string; operator: string; text: string }

/** The use of one metric in an expression of PromQL. */
export type MetricUse = {
  metric: string
  matchers: LabelMatcher[]
  /** Names of the functions around it, the innermost first. */
  functions: string[]
  /** Aggregations around it, the innermost first, such as `sum by (le)`. */
  aggregations: { operator: string; labels: string[] }[]
  /** Labels by which the operators around it pair series, such as those of `on (instance)`. */
  pairing: string[]
}

/** Grafana's own variables for durations, which are no PromQL. */
const grafanaDuration = /\$__(rate_interval|interval|range)/g

/**
 * Returns the uses of metrics in an expression, in their order. The grammar is Prometheus's own.
 * @throws Error if the expression is not PromQL
 */
export function metricUses(expression: string): MetricUse[] {
  const text = expression.replaceAll(grafanaDuration, '5m')
  const uses: MetricUse[] = []
  parser.parse(text).iterate({
    enter: ({ type, from, node }) => {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${text.slice(from, from + 40)} (in ${expression})`)
      if (type.name === 'VectorSelector') uses.push(useAt(node, text))
    },
  })
  return uses
}

function useAt(selector: SyntaxNode, text: string): MetricUse {
  const said = (node: SyntaxNode | null) => (node ? text.slice(node.from, node.to) : '')
  const labelsIn = (node: SyntaxNode | null) =>
    node?.getChild('GroupingLabels')?.getChildren('LabelName').map(said) ?? []
  const matchers = (selector.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(matcher => ({
    label: said(matcher.getChild('LabelName')),
    operator: said(matcher.getChild('MatchOp')),
    text: said(matcher.getChild('StringLiteral')).slice(1, -1),
  }))
  const use: MetricUse = {
    metric: said(selector.getChild('Identifier')),
    matchers,
    functions: [],
    aggregations: [],
    pairing: [],
  }
  for (let node = selector.parent; node; node = node.parent) {
    if (node.name === 'FunctionCall') use.functions.push(said(node.getChild('FunctionIdentifier')))
    if (node.name === 'AggregateExpr')
      use.aggregations.push({
        operator: said(node.getChild('AggregateOp')),
        labels: labelsIn(node.getChild('AggregateModifier')),
      })
    if (node.name === 'BinaryExpr') use.pairing.push(...labelsIn(node.getChild('MatchingModifierClause')))
  }
  return use
}
