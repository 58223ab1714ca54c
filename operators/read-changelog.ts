/** One version of an operator, as ONNX's Changelog.md documents it. A deprecated version has no attributes, inputs or outputs there. */
export type DocumentedOperator = {
  /** '' for ai.onnx. */
  domain: string
  opType: string
  /** The version of the domain's operator set that brought this version of the operator. */
  since: number
  isDeprecated: boolean
  attributes: DocumentedAttribute[]
  inputs: DocumentedSlot[]
  outputs: DocumentedSlot[]
  /** The types that each type variable may be, such as `tensor(float)` or `seq(tensor(float))`. */
  typeVariables: Map<string, readonly string[]>
}

/** `default`: the text that the document prints; undefined if it prints none. */
export type DocumentedAttribute = { name: string; type: string; default: string | undefined }

/** An input or output. `type`: a type variable of its operator, or a type. `isMixed`: its values may differ in type. */
export type DocumentedSlot = { name: string; type: string; isVariadic: boolean; isMixed: boolean }

const forms = {
  domain: /^# (ai\.onnx[a-z.]*)(?: \(default\))?$/,
  version: /^## Version (\d+) of the (?:default ONNX|'[a-z.]+') operator set$/,
  operator: /^### <a name="([^"]+)-(\d+)"><\/a>\*\*[^*]+\*\*( \(deprecated\))?<\/a>$/,
  section: /^#### (Version|Attributes|Inputs|Outputs|Type Constraints)(?: \(\d+ - (?:\d+|&#8734;)\))?$/,
  attribute: /^<dt><tt>([^<]+)<\/tt> : ([a-z_ ]+?)(?: \((?:required|default is (.+))\))?<\/dt>$/,
  slot: /^<dt><tt>([^<]+)<\/tt>(?: \(([a-z, -]+)\))? : (.+)<\/dt>$/,
  typeVariable: /^<dt><tt>([^<]+)<\/tt> : (.+)<\/dt>$/,
}

/**
 * Reads every version of every operator from Changelog.md or Changelog-ml.md, which ONNX's script `gen_doc.py` writes.
 *
 * @throws Error with the number of the first line that has an unknown form
 */
export function readChangelog(markdown: string): DocumentedOperator[] {
  const operators: DocumentedOperator[] = []
  let domain = ''
  let version = ''
  let section = ''
  let isList = false
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const parts = (form: keyof typeof forms): string[] => {
      const [, ...groups] = forms[form].exec(line) ?? unknownForm(index + 1, line, form)
      return groups.map(group => group ?? '')
    }
    const operator = operators.at(-1)
    if (line === '<dl>' || line === '</dl>') isList = line === '<dl>'
    else if (isList && line.startsWith('<dt>')) {
      if (!operator) unknownForm(index + 1, line, 'operator')
      else if (section === 'Attributes') operator.attributes.push(attributeOf(parts('attribute')))
      else if (section === 'Inputs') operator.inputs.push(slotOf(parts('slot')))
      else if (section === 'Outputs') operator.outputs.push(slotOf(parts('slot')))
      else {
        const [name = '', types = ''] = parts('typeVariable')
        operator.typeVariables.set(name, separateTypes(types))
      }
    } else if (isList) {
      // A description, over any number of lines.
    } else if (line.startsWith('# ')) [domain = ''] = parts('domain')
    else if (line.startsWith('## Version ')) [version = ''] = parts('version')
    else if (line.startsWith('### ')) {
      const [name = '', since, deprecated] = parts('operator')
      if (since !== version) unknownForm(index + 1, line, 'operator')
      operators.push(operatorOf(domain, name, Number(since), deprecated !== ''))
    } else if (line.startsWith('#### ')) [section = ''] = parts('section')
  }
  return operators
}

function unknownForm(line: number, text: string, form: keyof typeof forms): never {
  throw new Error(
    `Line ${line} is "${text}". Expected the form of a ${form}, ${forms[form]}. If ONNX writes another form now, adapt operators/read-changelog.ts.`,
  )
}

function operatorOf(domain: string, name: string, since: number, isDeprecated: boolean): DocumentedOperator {
  const opType = name.startsWith(`${domain}.`) ? name.slice(domain.length + 1) : name
  const slots = { attributes: [], inputs: [], outputs: [], typeVariables: new Map() }
  return { domain: domain === 'ai.onnx' ? '' : domain, opType, since, isDeprecated, ...slots }
}

function attributeOf([name = '', type = '', text = '']: readonly string[]): DocumentedAttribute {
  return { name, type, default: text === '' ? undefined : text }
}

function slotOf([name = '', notes = '', type = '']: readonly string[]): DocumentedSlot {
  const words = new Set(notes.split(', '))
  return {
    name,
    type,
    isVariadic: words.has('variadic'),
    isMixed: words.has('heterogeneous'),
  }
}

/** Types in a list, each of which may have commas within parentheses: `map(int64, float), tensor(float)`. */
export function separateTypes(list: string): string[] {
  const types: string[] = []
  let depth = 0
  for (const part of list.split(', ')) {
    if (depth > 0) types.push(`${types.pop()}, ${part}`)
    else types.push(part)
    depth += part.split('(').length - part.split(')').length
  }
  return types
}
