import { runPreview, type RunPreviewDeps } from '../src/devices/rules/run-preview.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'

export interface PreviewWorkerDeps extends RunPreviewDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  readonly onFailed?: StartWorkerOptions['onFailed']
}

/** Answers what policies would change, one at a time. */
export function startPreviewWorker (deps: PreviewWorkerDeps): QueueWorker {
  const { queues, onFailed } = deps
  return queues.startWorker('preview', async ({ previewId }, _job, signal) => await runPreview(deps, previewId, signal), { concurrency: 1, ...(onFailed === undefined ? {} : { onFailed }) })
}
