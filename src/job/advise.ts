// What is allowed and seldom meant: warnings that `validate` gives over a job that is valid. `run` does not
// repeat them: whoever runs a job ten times a day has read them once. Each can be switched off by its id.

import {durationText} from './duration.ts';
import type {FindingList} from './finding.ts';
import type {JobSpec, StateTtl, StepSpec} from './job-spec.ts';
import type {Catalog} from './operator-spec.ts';
import type {Place} from './source-text.ts';
import type {Mount} from './volatile-directory.ts';
import {volatilePlace} from './volatile-directory.ts';
import type {YamlMap, YamlNode} from './yaml-node.ts';
import {entryOf, valueOf} from './yaml-node.ts';

/** What the job file does not say: earlier runs, and the machine. */
export interface AdviceFacts {
  /** Of the checkpoints that are kept: the one that took longest. */
  readonly slowestCheckpoint: {readonly name: string; readonly durationMillis: number} | null;
  /** Of the newest checkpoint: bytes of state, without in-flight data. */
  readonly newestCheckpoint: {readonly name: string; readonly stateBytes: number} | null;
  /** In the order in which they were mounted; empty: not known. */
  readonly mounts: readonly Mount[];
}

export interface Advising {
  readonly root: YamlMap;
  readonly job: JobSpec;
  readonly catalog: Catalog;
  readonly facts: AdviceFacts;
}

/** A shorter interval is short. */
const SHORT_INTERVAL_MILLIS = 10_000;
/** State on the heap beyond this is much. */
const LARGE_HEAP_BYTES = 2 ** 30;

export function advise(about: Advising, findings: FindingList): void {
  adviseIntervals(about, findings);
  adviseTimeout(about, findings);
  adviseRetention(about, findings);
  adviseSinks(about, findings);
  adviseState(about, findings);
  adviseDirectories(about, findings);
  adviseKeyGroups(about, findings);
}

function adviseIntervals({root, job}: Advising, findings: FindingList): void {
  const {intervalMillis, minPauseMillis, maxConcurrent} = job.checkpointing;
  if (intervalMillis === null || intervalMillis >= SHORT_INTERVAL_MILLIS) return;
  const place = placeAt(root, 'checkpointing', 'interval');
  findings.warning(
    'short-interval',
    place,
    `checkpointing.interval: a checkpoint every ${durationText(intervalMillis)} syncs all state and makes a part file of each file sink every time`,
    'make it 10s or longer, unless output must appear sooner',
  );
  if (minPauseMillis > 0 || maxConcurrent > 1) return;
  findings.warning(
    'no-min-pause',
    place,
    'checkpointing.min-pause is 0: a checkpoint that takes longer than this short interval is followed by the next at once, and records wait',
    `min-pause: ${durationText(Math.max(1, Math.floor(intervalMillis / 2)))}`,
  );
}

function adviseTimeout({root, job, facts}: Advising, findings: FindingList): void {
  const {timeoutMillis} = job.checkpointing;
  const slowest = facts.slowestCheckpoint;
  if (slowest === null || timeoutMillis >= 2 * slowest.durationMillis) return;
  findings.warning(
    'short-timeout',
    placeAt(root, 'checkpointing', 'timeout'),
    `checkpointing.timeout: ${durationText(timeoutMillis)} is under twice the ${(slowest.durationMillis / 1000).toFixed(1)} s that ${slowest.name} took: a slower one is aborted, and its work is lost`,
    `timeout: ${durationText(Math.ceil((3 * slowest.durationMillis) / 1000) * 1000)}`,
  );
}

function adviseRetention({root, job}: Advising, findings: FindingList): void {
  if (job.checkpointing.numRetained > 1) return;
  findings.warning(
    'one-checkpoint-retained',
    placeAt(root, 'checkpointing', 'num-retained'),
    'checkpointing.num-retained: with one checkpoint there is nothing to go back to when that one is damaged',
    'num-retained: 3',
  );
}

function adviseSinks({root, job, catalog}: Advising, findings: FindingList): void {
  if (job.checkpointing.mode !== 'at-least-once') return;
  const sink = job.sinks.find((each) => isExactlyOnce(each.connector, catalog));
  if (sink === undefined) return;
  findings.warning(
    'at-least-once-sink',
    placeAt(root, 'checkpointing', 'mode'),
    `checkpointing.mode: at-least-once: after a restart records may be counted twice, and sinks.${sink.uid} commits the doubled results`,
    'mode: exactly-once',
  );
}

function adviseState({root, job, facts}: Advising, findings: FindingList): void {
  for (const step of growingSteps(job)) {
    findings.warning(
      'unbounded-state',
      stepPlace(root, step.uid),
      `steps.${step.uid} keeps every ${(step.keyColumns ?? []).join(', ')} that it ever saw: its input never ends, and it has no ttl`,
      'give it a ttl, a window, whose state goes when it closes, or a key of few values',
    );
  }
  adviseShortTtl(root, job, findings);
  const newest = facts.newestCheckpoint;
  if (newest === null || job.state.backend !== 'hashmap' || newest.stateBytes <= LARGE_HEAP_BYTES) {
    return;
  }
  findings.warning(
    'large-heap-state',
    placeAt(root, 'state', 'backend'),
    `state.backend: hashmap holds all state in memory, and that of ${newest.name} has ${(newest.stateBytes / 2 ** 30).toFixed(1)} GiB`,
    'spread it over more subtasks, keep fewer keys or columns, or shorten the windows',
  );
}

/** Results that wait for a barrier and expire before it comes. */
function adviseShortTtl(root: YamlMap, job: JobSpec, findings: FindingList): void {
  const {intervalMillis} = job.checkpointing;
  for (const {uid, options} of job.steps) {
    const ttl = options['ttl'] as StateTtl | undefined;
    if (ttl === undefined || options['emit'] !== 'on-checkpoint' || intervalMillis === null)
      continue;
    if (ttl.durationMillis > intervalMillis || ttl.visibility !== 'never-return-expired') continue;
    findings.warning(
      'short-ttl',
      stepPlace(root, uid),
      `steps.${uid}: its results go out with each checkpoint, every ${durationText(intervalMillis)}, and its groups expire after ${durationText(ttl.durationMillis)}: some are gone by then`,
      'a ttl of several intervals, or emit: on-update',
    );
  }
}

/** Keyed steps without a window over input that never ends. */
function growingSteps(job: JobSpec): readonly StepSpec[] {
  const endless = new Set<string>();
  for (const {uid, bounded, sideOutputs} of job.sources) {
    if (!bounded)
      for (const name of [uid, ...sideOutputs.map((each) => each.name)]) endless.add(name);
  }
  return job.steps.filter((step) => {
    if (!step.inputs.some((input) => endless.has(input))) return false;
    for (const name of [step.uid, ...step.sideOutputs.map((each) => each.name)]) endless.add(name);
    const isKeyed = step.keyColumns !== null && step.keyColumns.length > 0;
    const {window, ttl} = step.options;
    return step.stateful && isKeyed && window === undefined && ttl === undefined;
  });
}

/** Directories that must outlive the machine, unless the job file itself lies in the same place. */
function adviseDirectories({root, job, catalog, facts}: Advising, findings: FindingList): void {
  const home = volatilePlace(job.directory, facts.mounts)?.root ?? null;
  const check = (name: string, path: string, place: Place): void => {
    const found = volatilePlace(path, facts.mounts);
    if (found === null || found.root === home) return;
    const suggestion = 'name a directory on a disk that lasts';
    findings.warning('volatile-directory', place, `${name} ${found.reason}`, suggestion);
  };
  const {directory, savepointDirectory} = job.checkpointing;
  check('checkpointing.dir', directory, placeAt(root, 'checkpointing', 'dir'));
  if (savepointDirectory !== null) {
    const place = placeAt(root, 'checkpointing', 'savepoint-dir');
    check('checkpointing.savepoint-dir', savepointDirectory, place);
  }
  for (const {uid, connector, options} of job.sinks) {
    const path = options['path'];
    if (typeof path !== 'string' || !isExactlyOnce(connector, catalog)) continue;
    check(`sinks.${uid}.path`, path, placeAt(root, 'sinks', uid, 'path'));
  }
}

function adviseKeyGroups({root, job}: Advising, findings: FindingList): void {
  const {parallelism, maxParallelism} = job;
  const hasKeys = job.steps.some(({keyColumns}) => keyColumns !== null);
  const isUneven = parallelism < maxParallelism && maxParallelism < 2 * parallelism;
  if (!hasKeys || !isUneven) return;
  findings.warning(
    'uneven-key-groups',
    placeAt(root, 'max-parallelism'),
    `max-parallelism: ${maxParallelism} key groups over ${parallelism} subtasks: some have two and do twice the work`,
    `a multiple of the parallelism, before there is state: it holds for ever`,
  );
}

function isExactlyOnce(connector: string, catalog: Catalog): boolean {
  return catalog.sinks.some(({type, exactlyOnce}) => type === connector && exactlyOnce === true);
}

/** The deepest that stands in the file; a section that is left out: the job's name. */
function placeAt(root: YamlMap, ...path: readonly string[]): Place {
  let node: YamlNode = root;
  for (const key of path) {
    const child: YamlNode | null = node.kind === 'map' ? valueOf(node, key) : null;
    if (child === null) break;
    node = child;
  }
  return node === root ? (entryOf(root, 'name')?.keyPlace ?? root) : node;
}

function stepPlace(root: YamlMap, uid: string): Place {
  const steps = valueOf(root, 'steps');
  const items = steps?.kind === 'list' ? steps.items : [];
  for (const item of items) {
    const id = item.kind === 'map' ? valueOf(item, 'id') : null;
    if (id?.kind === 'scalar' && id.value === uid) return id;
  }
  return root;
}
