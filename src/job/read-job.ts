import {quoted} from './finding.ts';
import {HEARTBEAT_FIELDS, JOB_FIELDS, STATE_FIELDS} from './job-fields.ts';
import type {CheckpointingSpec, JobSpec, OptionValues, StateTtl, StepSpec} from './job-spec.ts';
import type {Catalog} from './operator-spec.ts';
import {planSteps} from './plan-steps.ts';
import {readCheckpointing} from './read-checkpointing.ts';
import {readRocksdb} from './read-rocksdb.ts';
import {readFields} from './read-value.ts';
import {readRestartStrategy} from './read-restart-strategy.ts';
import type {ReadSink} from './read-sink.ts';
import {deadLetterSink, readSink} from './read-sink.ts';
import type {ReadSource} from './read-source.ts';
import {readSource} from './read-source.ts';
import {checkUid, readStep} from './read-step.ts';
import type {ReadStep} from './read-step.ts';
import type {ReadContext} from './read-scalar.ts';
import type {RuntimeSupport} from './runtime-support.ts';
import {readStateTtl} from './state-ttl.ts';
import {NameTable, StreamTable} from './stream-table.ts';
import type {YamlEntry, YamlMap, YamlNode} from './yaml-node.ts';
import {nodeAt, valueOf} from './yaml-node.ts';
import {warnWithRocksdb} from './warn-with-rocksdb.ts';
import {JOB_NAME_PATTERN, isJobName} from '../base/ids.ts';

/** Sources, steps and sinks, each. */
export const MAX_NODES = 500;

export interface JobReading {
  readonly file: string;
  readonly hash: string;
  readonly catalog: Catalog;
  readonly support: RuntimeSupport;
  readonly context: ReadContext;
}

const SECTIONS = [
  'sources',
  'steps',
  'sinks',
  'checkpointing',
  'state',
  'restart-strategy',
  'heartbeat',
  'lint',
];

/** All that a job file can have at its top. */
export const JOB_KEYS: readonly string[] = [...JOB_FIELDS.map(({name}) => name), ...SECTIONS];

/** Undefined: something is wrong (reported). */
export function readJob(root: YamlMap, reading: JobReading): JobSpec | undefined {
  const {context, support} = reading;
  const own = readFields(root, JOB_FIELDS, 'the job', context, SECTIONS);
  checkOwnFields(root, own, support, context);
  const checkpointingNode = sectionMap(root, 'checkpointing', context);
  const checkpointing = checkpointingNode && readCheckpointing(checkpointingNode, support, context);
  const stateNode = sectionMap(root, 'state', context);
  const state = stateNode && readState(stateNode, support, context);
  const strategyNode = valueOf(root, 'restart-strategy') ?? emptyMap(root);
  const restartStrategy = readRestartStrategy(strategyNode, support, context);
  const heartbeatNode = sectionMap(root, 'heartbeat', context);
  const heartbeat = heartbeatNode && readHeartbeat(heartbeatNode, context);
  const stateTtl = state?.ttl ?? null;
  const graph = readGraph(root, reading, checkpointing, stateTtl);
  if (state?.backend === 'rocksdb') warnWithRocksdb(root, checkpointing, context);
  if (stateTtl !== null && !context.findings.hasErrors) warnUnusedTtl(root, graph.steps, context);
  if (own === undefined || checkpointing === undefined || state === undefined) return undefined;
  if (restartStrategy === undefined || heartbeat === undefined) return undefined;
  return {
    name: own['name'] as string,
    file: reading.file,
    directory: context.directory,
    hash: reading.hash,
    parallelism: own['parallelism'] as number,
    maxParallelism: own['max-parallelism'] as number,
    ...graph,
    checkpointing,
    state,
    restartStrategy,
    ...heartbeat,
  };
}

function checkOwnFields(
  root: YamlMap,
  own: OptionValues | undefined,
  support: RuntimeSupport,
  context: ReadContext,
): void {
  const name = own?.['name'];
  if (typeof name === 'string' && !isJobName(name)) {
    context.findings.error(
      'job-name-invalid',
      valueOf(root, 'name') ?? root,
      `name: ${quoted(name)} does not match ${JOB_NAME_PATTERN.source}; it becomes a directory name`,
    );
  }
  const parallelism = own?.['parallelism'];
  const maxParallelism = own?.['max-parallelism'];
  if (typeof parallelism !== 'number' || typeof maxParallelism !== 'number') return;
  if (parallelism > support.parallelism) {
    context.findings.error(
      'not-supported',
      valueOf(root, 'parallelism') ?? root,
      `parallelism: ${parallelism}: each subtask is a thread of this process, and there are at most ${support.parallelism}`,
      `ask for ${support.parallelism} or fewer`,
    );
  }
  if (parallelism > maxParallelism) {
    context.findings.error(
      'max-parallelism',
      valueOf(root, 'max-parallelism') ?? root,
      `max-parallelism: ${maxParallelism} is below parallelism: ${parallelism}: subtasks would be without a key group`,
      'raise it; state that exists was made for the old one',
    );
  }
}

function readState(
  map: YamlMap,
  support: RuntimeSupport,
  context: ReadContext,
): JobSpec['state'] | undefined {
  const rocksdb = valueOf(map, 'rocksdb');
  const own = STATE_FIELDS.filter(({name}) => name !== 'rocksdb');
  const values = readFields(map, own, 'state', context, ['rocksdb']);
  const rocksdbMap = sectionMap(map, 'rocksdb', context);
  const options = rocksdbMap && readRocksdb(rocksdbMap, context);
  if (values === undefined || options === undefined) return undefined;
  const backend = values['backend'] as JobSpec['state']['backend'];
  const refuse = (node: YamlNode | null, message: string, suggestion: string): void =>
    context.findings.error('not-supported', node ?? map, message, suggestion);
  if (!support.backends.includes(backend)) {
    refuse(
      valueOf(map, 'backend'),
      `state.backend: ${backend} is not built yet`,
      `write backend: ${support.backends.join(' or ')}`,
    );
  }
  if (rocksdb !== null && backend !== 'rocksdb') {
    refuse(rocksdb, 'state.rocksdb has no effect with another backend', 'remove it');
  }
  const read = readStateTtl(values['ttl']);
  if (read.kind === 'ok') return {backend, ttl: read.ttl, rocksdb: options};
  const {path, message, suggestion} = read.problem;
  const place = nodeAt(map, ['ttl', ...path]);
  context.findings.error('option-invalid', place, `state.ttl: ${message}`, suggestion);
  return undefined;
}

function warnUnusedTtl(root: YamlMap, steps: readonly StepSpec[], context: ReadContext): void {
  if (steps.some(({options}) => options['ttl'] !== undefined)) return;
  context.findings.warning(
    'no-effect',
    nodeAt(root, ['state', 'ttl']),
    'state.ttl has no effect: no step keeps state without a window, and windows take theirs with them',
    'remove it',
  );
}

/** As in Flink, a timeout below the interval is an error: every thread would count as dead. */
function readHeartbeat(
  map: YamlMap,
  context: ReadContext,
): Pick<JobSpec, 'heartbeatIntervalMillis' | 'heartbeatTimeoutMillis'> | undefined {
  const values = readFields(map, HEARTBEAT_FIELDS, 'heartbeat', context);
  if (values === undefined) return undefined;
  const heartbeatIntervalMillis = values['interval'] as number;
  const heartbeatTimeoutMillis = values['timeout'] as number;
  if (heartbeatIntervalMillis === 0) {
    const place = valueOf(map, 'interval') ?? map;
    context.findings.error('heartbeat', place, 'heartbeat.interval must be above 0');
  } else if (heartbeatTimeoutMillis < heartbeatIntervalMillis) {
    context.findings.error(
      'heartbeat',
      valueOf(map, 'timeout') ?? valueOf(map, 'interval') ?? map,
      'heartbeat.timeout is below heartbeat.interval: every thread would count as dead',
      'make the timeout several intervals long',
    );
  }
  return {heartbeatIntervalMillis, heartbeatTimeoutMillis};
}

/** The section's map, an empty one when it is absent; undefined: it is no map (reported). */
function sectionMap(root: YamlMap, key: string, context: ReadContext): YamlMap | undefined {
  const node = valueOf(root, key);
  if (node === null) return emptyMap(root);
  if (node.kind === 'map') return node;
  context.findings.error(
    'value-type',
    node,
    `${key} must be a map`,
    `remove ${key}, or fill it in`,
  );
  return undefined;
}

function emptyMap(root: YamlMap): YamlMap {
  return {...root, entries: []};
}

type Graph = Pick<JobSpec, 'sources' | 'steps' | 'sinks'>;

function readGraph(
  root: YamlMap,
  reading: JobReading,
  checkpointing: CheckpointingSpec | undefined,
  stateTtl: StateTtl | null,
): Graph {
  const {catalog, context} = reading;
  const names = new NameTable(context.findings);
  const streams = new StreamTable(context.findings);
  const sourceEntries = sectionEntries(root, 'sources', names, context);
  const steps = readSteps(root, catalog, names, context);
  const sinkEntries = sectionEntries(root, 'sinks', names, context);
  const sources = sourceEntries.flatMap((entry) => {
    const source = readSource(entry, catalog, context);
    addSourceStreams(entry.key, source, streams);
    return source ?? [];
  });
  const planned = planSteps(steps, {
    expressions: catalog.expressions,
    stateTtl,
    streams,
    names,
    context,
  });
  const written = sinkEntries.flatMap((entry) => readSink(entry, catalog, streams, context) ?? []);
  const implicit = sources.flatMap((source) => implicitSink(source, reading, names, streams) ?? []);
  const sinks = [...written, ...implicit];
  // What is wrong may be why nothing takes it.
  if (!context.findings.hasErrors) warnUnused(sourceEntries, steps, planned, streams, context);
  if (checkpointing !== undefined) checkEndlessSinks(sinks, checkpointing, context);
  return {
    sources: sources.map((source) => source.spec),
    steps: planned,
    sinks: sinks.map((sink) => sink.spec),
  };
}

function addSourceStreams(uid: string, source: ReadSource | undefined, streams: StreamTable): void {
  if (source === undefined) {
    streams.addFailed(uid);
    streams.addFailed(`${uid}.dead-letter`);
    return;
  }
  const {schema, watermark, bounded, sideOutputs} = source.spec;
  const eventTimeColumn = watermark?.column ?? null;
  streams.add({name: uid, schema, eventTime: watermark !== null, eventTimeColumn, bounded});
  for (const output of sideOutputs) {
    streams.add({...output, eventTime: false, eventTimeColumn: null, bounded});
  }
}

/** The entries of `sources` or `sinks` whose key can be a uid and is not taken. */
function sectionEntries(
  root: YamlMap,
  section: 'sources' | 'sinks',
  names: NameTable,
  context: ReadContext,
): readonly YamlEntry[] {
  const node = valueOf(root, section);
  const entries = node?.kind === 'map' ? node.entries : [];
  if (entries.length === 0 || entries.length > MAX_NODES) {
    const what = entries.length > MAX_NODES ? `has more than ${MAX_NODES}` : 'has no';
    context.findings.error(
      section === 'sources' ? 'no-sources' : 'no-sinks',
      node ?? root,
      node === null || node.kind === 'map' || (node.kind === 'scalar' && node.value === null)
        ? `the job ${what} ${section}`
        : `${section} must be a map from names to ${section}`,
      section === 'sources'
        ? 'sources: {flights: {connector: file, …}}'
        : 'sinks: {out: {connector: console, input: …}}',
    );
    return [];
  }
  return entries.filter(({key, keyPlace}) => {
    if (!checkUid(key, `${section}.${key}`, keyPlace, context)) return false;
    return names.add(key, section === 'sources' ? 'source' : 'sink', keyPlace);
  });
}

function readSteps(
  root: YamlMap,
  catalog: Catalog,
  names: NameTable,
  context: ReadContext,
): readonly ReadStep[] {
  const node = valueOf(root, 'steps');
  if (node === null) return [];
  if (node.kind !== 'list' || node.items.length > MAX_NODES) {
    context.findings.error(
      'value-type',
      node,
      `steps must be a list of at most ${MAX_NODES} steps`,
      'write "- id: …" for each step',
    );
    return [];
  }
  return node.items.flatMap((item, index) => readStep(item, index, catalog, names, context) ?? []);
}

function implicitSink(
  source: ReadSource,
  {catalog, context}: JobReading,
  names: NameTable,
  streams: StreamTable,
): ReadSink | undefined {
  const {onBadRecord, uid} = source.spec;
  const {deadLetterPath, entry} = source;
  if (onBadRecord.kind !== 'dead-letter' || deadLetterPath === null) return undefined;
  if (entry.value.kind !== 'map') return undefined;
  const name = `${uid}-dead-letter`;
  if (!checkUid(name, `sources.${uid}: its dead-letter sink`, entry.keyPlace, context)) {
    return undefined;
  }
  if (!names.add(name, `dead-letter sink of ${uid}`, entry.keyPlace)) return undefined;
  const from = {uid, sideOutput: onBadRecord.sideOutput, path: deadLetterPath};
  return deadLetterSink(from, entry.value, catalog, streams, context);
}

function warnUnused(
  sources: readonly YamlEntry[],
  steps: readonly ReadStep[],
  planned: readonly StepSpec[],
  streams: StreamTable,
  context: ReadContext,
): void {
  for (const {key, keyPlace} of sources) {
    if (streams.isTaken(key) || streams.isFailed(key)) continue;
    context.findings.warning('source-unused', keyPlace, `no step or sink takes the source ${key}`);
  }
  const sideOutputs = new Map(planned.map((step) => [step.uid, step.sideOutputs]));
  for (const step of steps) {
    const {id} = step;
    if (id === null) {
      context.findings.warning(
        'step-unused',
        step.place,
        `${step.name} has no id, so no step or sink can take it`,
        'give it an id, or remove it',
      );
      continue;
    }
    const outputs = sideOutputs.get(id);
    if (outputs === undefined || streams.isTaken(id)) continue;
    if (outputs.some((output) => streams.isTaken(output.name))) continue;
    context.findings.warning(
      'step-unused',
      step.place,
      `no step or sink takes ${step.name}`,
      'name it as an input, or remove it',
    );
  }
}

function checkEndlessSinks(
  sinks: readonly ReadSink[],
  checkpointing: CheckpointingSpec,
  context: ReadContext,
): void {
  if (checkpointing.intervalMillis !== null) return;
  for (const {spec, connector, endless, place} of sinks) {
    if (!endless || connector.exactlyOnce !== true) continue;
    context.findings.error(
      'endless-sink-without-interval',
      place,
      `sinks.${spec.uid}: its input never ends and its output appears with checkpoints only, of which there are none`,
      'checkpointing: {interval: 10s}',
    );
  }
}
