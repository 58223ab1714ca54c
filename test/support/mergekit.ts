import { convertMergekit } from '../../src/merge/convert-mergekit.ts'
import { isMergekitConfig, readMergekit } from '../../src/merge/mergekit-config.ts'
import { readYaml } from '../../src/merge/recipe-yaml.ts'

/** Returns the merge request for a mergekit configuration. @throws TureenError if it is refused */
export function converted(yaml: string): object {
  const config = readYaml(yaml)
  if (!isMergekitConfig(config)) throw new Error('no configuration of mergekit')
  return convertMergekit(readMergekit(config))
}

/** Returns the models a and b with these parameters, in YAML. */
export const ab = (a: string, b: string) =>
  `models:\n  - model: a\n    parameters: {${a}}\n  - model: b\n    parameters: {${b}}\n`
