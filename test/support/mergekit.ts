import { convertMergekit } from '../../src/merge/convert-mergekit.ts'
import { isMergekitConfig, readMergekit } from '../../src/merge/mergekit-config.ts'
import { readYaml } from '../../src/merge/recipe-yaml.ts'

/** The merge request that a configuration of mergekit is converted to. @throws TureenError if it is refused */
export function converted(yaml: string): object {
  const config = readYaml(yaml)
  if (!isMergekitConfig(config)) throw new Error('no configuration of mergekit')
  return convertMergekit(readMergekit(config))
}

/** The models a and b with these parameters, in YAML. */
export const ab = (a: string, b: string) =>
  `models:\n  - model: a\n    parameters: {${a}}\n  - model: b\n    parameters: {${b}}\n`
