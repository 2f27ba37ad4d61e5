// A detached run's process: the composition root that control/start-detached.ts starts.

import {runDetached} from './control/detached-run.ts';
import type {DetachedAnswer, DetachedOrder} from './control/detached-messages.ts';
import {runJob} from './engine.ts';
import {resolveForJob} from './inspection/resolve-for-job.ts';

process.once('message', (order: DetachedOrder) => {
  const answer = (message: DetachedAnswer): void => {
    // The process that started it may be gone.
    if (!process.connected) return;
    process.send?.(message, () => {
      if (process.connected) process.disconnect();
    });
  };
  const run: Parameters<typeof runDetached>[0]['run'] = (request, registered) =>
    runJob(request, resolveForJob, registered);
  void runDetached({order, run, answer}).then((status) => {
    process.exitCode = status;
  });
});
