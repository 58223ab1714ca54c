/** The documents of ONNX's operators that the tables beside this file are made from. `npm run build:operators` makes this file: do not edit it. */
export const operatorDocuments = { release: '1.23.0', commit: 'f7546912', sha256: { 'Changelog.md': '0a4ec2c2aa7a9b12cdbbbae5ace66291af49ac36f3e00f12ac4ac28dba100249', 'Changelog-ml.md': '813f5f3a6f7ec939eb19945331e4dec405e9d8405ce07492079429b8fc6c4255' } }

/** The newest version of each operator set in these documents, by domain; '' is ai.onnx. */
export const documentedOpsets: Readonly<Record<string, number>> = { '': 28, 'ai.onnx.ml': 5, 'ai.onnx.preview': 1, 'ai.onnx.preview.training': 1 }
