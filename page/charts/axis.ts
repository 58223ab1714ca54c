/** Returns an axis of numbers with its name. */
export function axis(name: string, text: string, line: string) {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: text },
    axisLabel: { color: text },
    splitLine: { lineStyle: { color: line } },
  } as const
}
