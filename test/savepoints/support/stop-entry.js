// A process that runs a job and stops it after its first checkpoint: `node stop-entry.js REQUEST STOP`, both JSON. A failpoint
// in the environment kills it somewhere on the way.

import {runJob} from '../../../dist/src/index.js';

const [request, stop] = process.argv.slice(2).map((text) => JSON.parse(text));
const job = runJob(request);
for await (const event of job.events) {
  if (event.type !== 'checkpoint') continue;
  const outcome = await job.commands.stop(stop);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  break;
}
process.exitCode = (await job.finished).exitStatus;
