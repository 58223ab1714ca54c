import onnxProto from 'onnx-proto'
import { expect, test } from 'vitest'
import { descriptionOf } from '../support/inspecting.ts'
import { linearModel } from '../support/onnx-model.ts'
import { bytesField } from '../support/wire-bytes.ts'

const { AttributeProto, FunctionProto } = onnxProto.onnx

test("external data that a function's default attribute refers to is found, though onnx-proto does not know that field", () => {
  const attribute = AttributeProto.encode({
    name: 'value',
    type: 4,
    t: {
      name: 'secret',
      dims: [1],
      dataType: 1,
      dataLocation: 1,
      externalData: [{ key: 'location', value: '/etc/passwd' }],
    },
  }).finish()
  const body = FunctionProto.encode({ name: 'f', domain: 'd', input: ['x'], output: ['y'] }).finish()
  const withDefault = Buffer.concat([body, bytesField(11, Buffer.from(attribute))])
  const model = Buffer.concat([linearModel([1], [1]), bytesField(25, withDefault)])
  expect(descriptionOf(model).externalData).toEqual(['/etc/passwd'])
})
