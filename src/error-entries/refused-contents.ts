import type { ErrorEntries } from './error-entry.ts'

/** Requests that are understood and cannot be done with these models and data, and jobs that failed. */
export const refusedContents = {
  TUREEN_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    help: 'Give every request its own key. Repeat a key only with an unchanged request.',
  },
  TUREEN_MODEL_LIMIT: {
    status: 422,
    title: 'The model exceeds a limit',
    help: 'The model exceeds a limit of the reader. `detail` names it.',
  },
  TUREEN_TASK_TIMEOUT: {
    status: 422,
    title: 'The models take longer than a worker thread may spend on them',
    help: 'Use models with fewer nodes and tensors, or raise `TUREEN_TASK_SECONDS`.',
  },
  TUREEN_MODEL_UNSUPPORTED: {
    status: 422,
    title: 'The model uses something that is not supported',
    help: 'The model uses a feature that the server does not support. `detail` says how to export it otherwise.',
  },
  TUREEN_CHECKPOINT_UNSUPPORTED: {
    status: 422,
    title: 'The checkpoint is in a form that is not read',
    help: 'The file pickles objects of code, or is one shard of many. `detail` names what was found, and the lines of Python that save its weights: [Checkpoints](../guides/checkpoints.md).',
  },
  TUREEN_CHECKPOINT_UNSUITABLE: {
    status: 422,
    title: 'A checkpoint cannot stand here',
    help: 'A checkpoint has weights and no graph. It can be merged and compared with other checkpoints. For everything else, export it to ONNX and upload that.',
  },
  TUREEN_CHECKPOINT_DIFFERS: {
    status: 422,
    title: 'The checkpoint does not fit the export',
    help: '`errors` names each tensor that is missing or has another type or other dims. Take a checkpoint of the exported network, or export this one: [Checkpoints](../guides/checkpoints.md).',
  },
  TUREEN_EXPORT_UNMATCHED: {
    status: 422,
    title: 'Weights of the model follow from no tensor of the checkpoint',
    help: '`errors` names each weight, the most similar tensor and the difference. Post the checkpoint that the model was exported from. `"unmatched": "keep"` keeps these weights as they are.',
  },
  TUREEN_MODELS_DIFFER: {
    status: 422,
    title: 'The models are not variants of one network',
    help: 'The models are not one network. Export them in the same way. `errors` lists every difference.',
  },
  TUREEN_NON_FLOAT_DIFFERS: {
    status: 422,
    title: 'Tensors that are never averaged differ between the models',
    help: 'Values that are never averaged differ between the models. `"nonFloat": "base"` takes those of the base.',
  },
  TUREEN_WEIGHTS_INVALID: {
    status: 422,
    title: 'The weights do not make an average',
    help: 'Change the weights so that their sum is not 0, or send `"normalize": false`.',
  },
  TUREEN_NOT_FINITE: {
    status: 422,
    title: 'A model or the soup holds NaN or infinite weights',
    help: '`errors` names each model and tensor. Leave the model out, give it weight 0, or send `"onNonFinite": "warn"`.',
  },
  TUREEN_RULE_UNMATCHED: {
    status: 422,
    title: 'A rule matches no tensor',
    help: '`errors` names the rule or group. `GET /v1/models/{id}/tensors` lists the names that a glob can match.',
  },
  TUREEN_BLOCKS_UNKNOWN: {
    status: 422,
    title: 'The blocks of the network are not those that the request needs',
    help: '`detail` names the tensors that belong to no known block, or the blocks that were found. Export with names of modules, let gradients run `"by": "graph"`, or correct `blocks`.',
  },
  TUREEN_OUTPUT_DTYPE_IMPOSSIBLE: {
    status: 422,
    title: 'The graph does not allow weights of this type',
    help: '`errors` names the nodes that do not take the type. Leave `outputDtype` out, choose another type, or export with a newer opset.',
  },
  TUREEN_RECALIBRATION_IMPOSSIBLE: {
    status: 422,
    title: 'The statistics of batch norms cannot be measured',
    help: '`detail` names each batch norm that cannot be measured, and the reason. Leave `recalibrate` out, or export with batch norms kept.',
  },
  TUREEN_SEARCH_TOO_LARGE: {
    status: 422,
    title: 'The search would need too many candidates',
    help: 'Search greedily, search fewer models, or raise `maxModels`.',
  },
  TUREEN_CONSTRAINTS_UNMET: {
    status: 422,
    title: 'No candidate of the search is good enough in all terms',
    help: '`errors` names each term with the best score of any candidate and the score that `atLeast` needs. Relax `atLeast`, or search more candidates. All scores are kept, so the search costs little again.',
  },
  TUREEN_METRIC_MISMATCH: {
    status: 422,
    title: 'The scoring metric does not fit the output and the target',
    help: '`detail` says what output and target hold, and what the scoring metric takes. Choose another metric, output or target.',
  },
  TUREEN_DATASET_UNSUPPORTED: {
    status: 422,
    title: 'The data set uses something that is not supported',
    help: 'The data set holds an array that the server does not read, such as pickled objects. `detail` says how to save it instead.',
  },
  TUREEN_DATASET_MISMATCH: {
    status: 422,
    title: 'The data set does not fit the model',
    help: 'The model takes another array, or values of another type. `detail` names the array and the input.',
  },
  TUREEN_EVALUATION_FAILED: {
    status: 422,
    title: 'The model could not be run',
    help: 'onnxruntime refused the model or its inputs. `detail` has its reason.',
  },
  TUREEN_JOB_ATTEMPTS_EXHAUSTED: {
    status: 422,
    title: 'The server died in three starts of the job',
    help: 'The server crashed, ran out of memory or was killed during three starts of the job in a row. The job kept no new score in between, and ran alone at last. `errors` names the inputs. Look for the cause in the logs of the server and the kernel, then start the job again: [Durability](../concepts/durability.md#when-the-server-dies).',
  },
  TUREEN_EXTERNAL_IDLE: {
    status: 422,
    title: 'No scorer worked for the search',
    help: 'The search waited for scores, and no scorer asked for a candidate in `TUREEN_EXTERNAL_IDLE_SECONDS`. Start a scorer, then post the search again: it goes on with the scores that were kept.',
  },
  TUREEN_EVALUATION_CRASHED: {
    status: 422,
    title: 'The model crashed the process that ran it',
    help: 'The model crashed the evaluator, the child process that ran it, or made it write something that is no answer. The server and other jobs are not affected.',
  },
  TUREEN_EVALUATION_MEMORY: {
    status: 422,
    title: 'The model takes more memory than an evaluation may',
    help: 'Evaluate with a smaller `batchSize`, or raise `TUREEN_EVAL_MEMORY`.',
  },
  TUREEN_EVALUATION_TIMEOUT: {
    status: 422,
    title: 'The model runs longer than an evaluation may',
    help: 'Evaluate fewer samples (`limit`), or raise `TUREEN_EVAL_SECONDS`.',
  },
} as const satisfies ErrorEntries
