// tidemark itself as a contestant: the real engine with its threads, in this process, from a job file.

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {runJob as runBundled} from '../../dist/start/src/engine.js';
import {resolveForJob} from '../../dist/start/src/inspection/resolve-for-job.js';

/** As `tidemark run` does it: from the bundle, of which a thread needs a fraction of the time to load. */
const runJob = (request) => runBundled(request, resolveForJob);

/** A scratch directory with one job file; `run` measures one run of it. */
export class BenchJob {
  #directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-job-'));
  #file = join(this.#directory, 'bench.job.yaml');

  constructor(text) {
    writeFileSync(this.#file, text);
  }

  /**
   * From the first record (`started`) to the end record; the final checkpoint is inside. `resume`: from
   * what the last run left; `set`: changes to the job file; `onEvent`: hears every event, and is given the
   * running job to interrupt it; `runJob`: another door than the shipped one.
   */
  async run({
    resume = false,
    set = [],
    onEvent = () => undefined,
    state = 'FINISHED',
    ...more
  } = {}) {
    if (!resume) {
      rmSync(join(this.#directory, 'out'), {recursive: true, force: true});
      rmSync(this.stateDirectory, {recursive: true, force: true});
    }
    const job = (more.runJob ?? runJob)({
      file: this.#file,
      environment: {},
      overrides: {flink: [], set},
      fresh: false,
      allowNonRestoredState: false,
      // A run of this process that was cut off looks alive.
      takeOver: resume,
      onDamaged: 'stop',
      outputAhead: 'refuse',
      allowDrained: false,
      shutdownTimeoutMillis: 20_000,
      progressIntervalMillis: more.progressIntervalMillis ?? 1000,
    });
    let start = 0;
    for await (const event of job.events) {
      if (event.type === 'started') start = performance.now();
      onEvent(event, job);
    }
    const summary = await job.finished;
    const millis = performance.now() - start;
    if (summary.state !== state) {
      throw new Error(`the job ended ${summary.state}`, {cause: summary.error});
    }
    return {records: summary.recordsIn, millis, summary};
  }

  get directory() {
    return this.#directory;
  }

  get stateDirectory() {
    return join(this.#directory, 'state');
  }

  /** Committed rows of the sink `out`. */
  rows() {
    const out = join(this.#directory, 'out');
    return readdirSync(out)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  remove() {
    rmSync(this.#directory, {recursive: true, force: true});
  }
}

const SOURCE = (path, columns) => `
  events:
    connector: file
    path: ${path}
    format: json
    schema: {${columns}}`;

/** P1: filter, project 2 of 5, drop. */
export const filterProjectJob = (path) => `name: p1
sources:${SOURCE(path, 'user: string, type: string, amount: double, ts: bigint, url: string')}
steps:
  - {id: costly, type: filter, input: events, where: amount > 50}
  - {id: narrow, type: project, input: costly, select: {user: user, amount: amount}}
sinks:
  out: {connector: blackhole, input: narrow}
checkpointing: {interval: 1s, dir: "file:./state"}
`;

/** P2: every record mapped, written and committed. */
export const mapJob = (path) => `name: p2
sources:${SOURCE(path, 'user: string, type: string, amount: double, ts: bigint, url: string')}
steps:
  - id: mapped
    type: project
    input: events
    select: {user: user, type: type, amount: amount * 2, ts: ts + 1, url: url}
sinks:
  out: {connector: file, input: mapped, path: out/, format: json}
checkpointing: {interval: 1s, dir: "file:./state"}
`;

/** P3, P4: group by 100,000 keys, count and sum, exactly-once, a checkpoint every second. */
export const groupByJob = (path, parallelism = 1, more = '') => `name: p3
parallelism: ${parallelism}
sources:${SOURCE(path, 'user: string, amount: double')}
steps:
  - id: by-user
    type: aggregate
    input: events
    group-by: [user]
    emit: at-end
    select: {n: COUNT(*), total: SUM(amount)}
sinks:
  out: {connector: file, input: by-user, path: out/, format: json}
checkpointing: {interval: 1s, dir: "file:./state"}
${more}`;
