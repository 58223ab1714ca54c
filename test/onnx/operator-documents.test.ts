import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultTable } from '../../operators/default-table.ts'
import { documentNames, generatedModules } from '../../operators/generated-modules.ts'
import { type DocumentedOperator, readChangelog } from '../../operators/read-changelog.ts'
import { typeSlots } from '../../operators/type-slots.ts'
import { documentedDefaults } from '../../src/onnx/generated/documented-defaults.ts'
import { documentedTypeSlots } from '../../src/onnx/generated/documented-type-slots.ts'
import { documentedOpsets, operatorDocuments } from '../../src/onnx/generated/operator-documents.ts'
import { compareOperators } from '../../src/onnx/graph/differences.ts'
import { newestOpset } from '../../src/onnx/graph/known-opsets.ts'
import type { Operator } from '../../src/onnx/graph/network.ts'
import { operatorEpoch } from '../../src/onnx/graph/operator-epochs.ts'
import { reviewedDefaults } from '../../src/onnx/graph/reviewed-defaults.ts'
import { reviewedTypeSlots, untoldSince } from '../../src/onnx/graph/reviewed-type-slots.ts'
import { isWindowDefault } from '../../src/onnx/graph/windowed-defaults.ts'
import { inputSlot } from '../../src/onnx/parameter-slot-table.ts'
import { projectRoot } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

/** Two versions of an operator, as ONNX's script writes them. */
const sample = `# ai.onnx (default)
## Version 1 of the default ONNX operator set
### <a name="Mix-1"></a>**Mix-1**</a>

  # is no heading here.

#### Version

This version of the operator has been available since version 1 of the default ONNX operator set.

#### Attributes

<dl>
<dt><tt>axis</tt> : int</dt>
<dd>Over two lines:
### no operator</dd>
<dt><tt>beta</tt> : float (default is (3.5e+38))</dt>
<dd></dd>
<dt><tt>names</tt> : list of strings (default is ['a', 'b'])</dt>
<dd></dd>
<dt><tt>needed</tt> : int (required)</dt>
<dd></dd>
</dl>

#### Inputs (1 - &#8734;)

<dl>
<dt><tt>X</tt> (differentiable) : T</dt>
<dd></dd>
<dt><tt>rest</tt> (variadic, non-differentiable) : tensor(float)</dt>
<dd></dd>
</dl>

#### Outputs

<dl>
<dt><tt>Y</tt> (optional) : T</dt>
<dd></dd>
<dt><tt>sizes</tt> : tensor(int64)</dt>
<dd></dd>
</dl>

#### Type Constraints

<dl>
<dt><tt>T</tt> : tensor(float16), tensor(double), map(int64, tensor(float))</dt>
<dd></dd>
</dl>

## Version 4 of the default ONNX operator set
### <a name="Mix-4"></a>**Mix-4**</a>

#### Attributes

<dl>
<dt><tt>axis</tt> : int (default is -1)</dt>
<dd></dd>
</dl>

#### Inputs

<dl>
<dt><tt>X</tt> : tensor(bfloat16)</dt>
<dd></dd>
</dl>

# ai.onnx.ml
## Version 2 of the 'ai.onnx.ml' operator set
### <a name="ai.onnx.ml.Old-2"></a>**ai.onnx.ml.Old-2** (deprecated)</a>
`

describe('the reader of the changelog', () => {
  const operators = readChangelog(sample)

  test('finds each version of each operator with attributes, inputs, outputs and types', () => {
    expect(operators.map(({ domain, opType, since, isDeprecated }) => [domain, opType, since, isDeprecated])).toEqual([
      ['', 'Mix', 1, false],
      ['', 'Mix', 4, false],
      ['ai.onnx.ml', 'Old', 2, true],
    ])
    const [first] = operators
    expect(first?.attributes).toEqual([
      { name: 'axis', type: 'int', default: undefined },
      { name: 'beta', type: 'float', default: '(3.5e+38)' },
      { name: 'names', type: 'list of strings', default: "['a', 'b']" },
      { name: 'needed', type: 'int', default: undefined },
    ])
    const slot = { isVariadic: false, isMixed: false }
    expect(first?.inputs).toEqual([
      { ...slot, name: 'X', type: 'T' },
      { ...slot, name: 'rest', type: 'tensor(float)', isVariadic: true },
    ])
    expect(first?.outputs).toEqual([
      { ...slot, name: 'Y', type: 'T' },
      { ...slot, name: 'sizes', type: 'tensor(int64)' },
    ])
    expect(first?.typeVariables.get('T')).toEqual(['tensor(float16)', 'tensor(double)', 'map(int64, tensor(float))'])
  })

  test.each([
    ['an attribute', '<dt><tt>axis</tt> : int</dt>', '<dt><tt>axis</tt> int</dt>'],
    ['a default', '<dt><tt>beta</tt> : float (default is (3.5e+38))</dt>', '<dt><tt>beta</tt> : float (3.5)</dt>'],
    ['an input', '<dt><tt>X</tt> (differentiable) : T</dt>', '<dt>X : T</dt>'],
    ['an operator', '### <a name="Mix-4"></a>**Mix-4**</a>', '### Mix-4'],
    [
      'an operator of another version',
      '### <a name="Mix-4"></a>**Mix-4**</a>',
      '### <a name="Mix-5"></a>**Mix-5**</a>',
    ],
    ['a section', '#### Outputs', '#### Results'],
    ['a version', '## Version 4 of the default ONNX operator set', '## Version four of the default ONNX operator set'],
    ['a domain', '# ai.onnx.ml', '# org.example'],
  ])('refuses %s in an unknown form, and names the line', (_, known, unknown) => {
    const line = sample.split('\n').indexOf(known) + 1
    expect(() => readChangelog(sample.replace(known, unknown))).toThrow(`Line ${line} is "${unknown}". Expected`)
  })

  test('leads to defaults by version, and null where there is none yet', () => {
    expect(defaultTable(operators)).toEqual({
      Mix: { axis: { 1: null, 4: { i: -1 } }, beta: { 1: { f: 3.5e38 } }, names: { 1: { strings: ['a', 'b'] } } },
    })
  })

  test('leads to types by version, empty for deprecated ones', () => {
    expect(typeSlots(operators)).toEqual({ Mix: { 1: 'ab+>a- dh,f', 4: 'a> b' }, Old: { 2: '' } })
  })
})

test.each([
  ['int', 'one'],
  ['float', ''],
  ['tensor', '1'],
])('a default of type %s that reads "%s" is refused', (type, text) => {
  const [first] = readChangelog(sample)
  const attributes = [{ name: 'axis', type, default: text }]
  expect(() => defaultTable(first ? [{ ...first, attributes }] : [])).toThrow(/Expected .*operators\/default-table\.ts/)
})

describe('the generated tables', () => {
  test('name the release, the commit and the digests of their documents', () => {
    expect(operatorDocuments.release).toMatch(/^\d+\.\d+\.\d+$/)
    expect(operatorDocuments.commit).toMatch(/^[0-9a-f]{7,40}$/)
    expect(Object.keys(operatorDocuments.sha256)).toEqual([...documentNames])
    for (const digest of Object.values(operatorDocuments.sha256)) expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(documentedOpsets).toMatchObject({ '': 28, 'ai.onnx.ml': 5, 'ai.onnx.preview.training': 1 })
  })

  test('end with the opsets that the documentation names', () => {
    const page = readFileSync(join(projectRoot, 'docs/concepts/how-networks-are-matched.md'), 'utf8')
    const named = `ai.onnx up to opset ${newestOpset('')}, ai.onnx.ml up to ${newestOpset('ai.onnx.ml')} and com.microsoft ${newestOpset('com.microsoft')}`
    expect(page).toContain(named)
  })

  test('change a default only where the meaning changes, or where a review found that it does not', () => {
    const reviewed = [
      'GRU direction 3',
      'GlobalLpPool p 2',
      'LpPool p 2',
      'GridSample mode 20',
      'Clip max 6',
      'Clip min 6',
    ]
    const changes = Object.entries(documentedDefaults[''] ?? {}).flatMap(([opType, attributes]) =>
      Object.entries(attributes).flatMap(([name, history]) =>
        Object.keys(history)
          .slice(1)
          .map(since => ({ opType, name, since: Number(since) })),
      ),
    )
    const unexplained = changes.filter(
      ({ opType, name, since }) =>
        operatorEpoch('', opType, since) !== since && !reviewed.includes(`${opType} ${name} ${since}`),
    )
    expect(changes.length).toBeGreaterThan(reviewed.length)
    expect(unexplained).toEqual([])
  })

  test('are not repeated by the reviewed ones', () => {
    for (const [domain, table] of Object.entries(reviewedDefaults))
      for (const [opType, attributes] of Object.entries(table))
        for (const [name, history] of Object.entries(attributes))
          for (const [since, value] of Object.entries(history)) {
            const documented = documentedDefaults[domain]?.[opType]?.[name]?.[Number(since)]
            expect([opType, name, since, documented]).not.toEqual([opType, name, since, value])
          }
    for (const [opType, history] of Object.entries(reviewedTypeSlots))
      for (const [since, signature] of Object.entries(history))
        expect([opType, documentedTypeSlots[opType]?.[Number(since)]]).not.toEqual([opType, signature])
    for (const opType of untoldSince.keys()) expect(documentedTypeSlots).toHaveProperty(opType)
  })
})

describeShared("ONNX's operator documents", () => {
  const directory = join(sharedDirectory, 'onnx')
  const text = (name: string) => readFileSync(join(directory, name), 'utf8')
  const read = () => documentNames.flatMap(name => readChangelog(text(name)))
  const versionsOf = (operators: DocumentedOperator[]) => [
    ...Map.groupBy(operators, ({ domain, opType }) => `${domain} ${opType}`).values(),
  ]

  test('make the tables that are in the tree', () => {
    const { release, commit } = operatorDocuments
    const texts = { 'Changelog.md': text('Changelog.md'), 'Changelog-ml.md': text('Changelog-ml.md') }
    for (const [file, module] of Object.entries(generatedModules({ release, commit, texts })))
      expect(readFileSync(join(projectRoot, 'src/onnx/generated', file), 'utf8')).toBe(module)
  })

  test('say the newest version of each operator as the operator list does', () => {
    const newest = ['Operators.md', 'Operators-ml.md'].flatMap(name =>
      [...text(name).matchAll(/^\|<a href="#[^"]+">([\w.]+)<\/a>.*\|<a href="Changelog[^"]*-(\d+)">/gm)].map(
        ([, opType = '', version]) => [opType, Number(version)] as const,
      ),
    )
    const found = versionsOf(read()).map(versions => {
      const last = versions.at(-1)
      const since = Math.max(...versions.map(each => each.since))
      return [last?.domain ? `${last.domain}.${last.opType}` : (last?.opType ?? ''), since] as const
    })
    expect(newest.length).toBeGreaterThan(200)
    expect(Object.fromEntries(found)).toMatchObject(Object.fromEntries(newest))
  })

  test('have each parameter slot of ai.onnx, at its position and under its name', () => {
    // The text of Pow calls its second input the exponent.
    const others: Record<string, string> = { 'Pow 1': 'Y' }
    const slots = versionsOf(read()).flatMap(versions =>
      Array.from({ length: 16 }, (_, position) => {
        const [first] = versions
        const slot = first && inputSlot(first.domain, first.opType, position, 16)
        return slot === undefined ? [] : [{ place: `${first?.opType} ${position}`, slot, versions, position }]
      }).flat(),
    )
    expect(slots.length).toBeGreaterThan(25)
    for (const { place, slot, versions, position } of slots) {
      const names = versions.flatMap(({ inputs }) => inputs[position]?.name ?? [])
      const isNamed = names.some(name => name === (others[place] ?? slot) || name.endsWith(`_${slot}`))
      expect([place, slot, names, isNamed]).toEqual([place, slot, names, true])
    }
  })

  test('give no default for lists that are as long as a tensor has axes', () => {
    const lists = read().flatMap(({ domain, opType, attributes }) =>
      attributes
        .filter(({ name }) => isWindowDefault(domain, opType, name, [0]) || isWindowDefault(domain, opType, name, [1]))
        .map(attribute => ({ opType, attribute })),
    )
    expect(new Set(lists.map(({ opType }) => opType)).size).toBe(11)
    for (const { opType, attribute } of lists)
      expect([opType, attribute]).toEqual([opType, { name: attribute.name, type: 'list of ints', default: undefined }])
  })

  test('have each change of inputs that a refusal explains', () => {
    const operator = (opType: string, version: number, inputs: number): Operator => {
      const operands = Array.from({ length: inputs }, (_, port) => ({ port: String(port), value: null }))
      const epoch = operatorEpoch('', opType, version)
      return { ...plain, opType, version, epoch, operands }
    }
    const plain = { id: 0, name: 'n', nodes: [], domain: '', attributes: new Map(), outputs: 1, subgraphs: [] }
    for (const versions of versionsOf(read())) {
      for (const [index, { domain, opType, since, inputs }] of versions.entries()) {
        const before = versions[index - 1]
        const became = before?.attributes.some(({ name }) => inputs.some(input => input.name === name))
        if (domain !== '' || !became) continue
        const [found] = compareOperators(operator(opType, since - 1, 1), operator(opType, since, 2))
        expect(found?.message).toContain(`the inputs of ${opType} changed in opset ${since}`)
      }
    }
  })
})
