import type {JobCommands} from './job-commands.ts';
import type {JobViewer} from './job-viewer.ts';

/** The same commands; whoever looks at the job meanwhile sees that it is being stopped or cancelled. */
export function shownCommands(commands: JobCommands, viewer: JobViewer): JobCommands {
  let stops = 0;
  return {
    takeCheckpoint: async (options) => commands.takeCheckpoint(options),
    takeSavepoint: async (target) => commands.takeSavepoint(target),
    async stop(request) {
      stops += 1;
      viewer.entered('STOPPING');
      let isStopped = false;
      try {
        const outcome = await commands.stop(request);
        isStopped = outcome.kind === 'stopped';
        return outcome;
      } finally {
        stops -= 1;
        // Another one that was refused says nothing about the first.
        if (!isStopped && stops === 0) viewer.stopGivenUp();
      }
    },
    setHold: async (id, held) => commands.setHold(id, held),
    prune: async (order) => commands.prune(order),
    async cancel() {
      viewer.entered('CANCELLING');
      await commands.cancel();
    },
  };
}
