import {SeededRandom} from '#src/base/random.js';
import {systemClock, systemTimers} from '#src/base/clock.js';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {ConnectorContext} from '#src/connectors/connector.js';
import type {OptionValues, SinkSpec, SourceSpec} from '#src/job/job-spec.js';
import type {SourceColumn} from '#src/job/schema-column.js';
import {JobMetrics} from '#src/metrics/job-metrics.js';
import type {DataType} from '#src/records/data-type.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.ts';

export const LINEAGE = '00000000000000aa';

export interface TestContext extends ConnectorContext {
  readonly warnings: string[];
  readonly shown: string[];
}

export function testContext(
  changes: Partial<ConnectorContext> & {readonly files?: FileSystem} = {},
): TestContext {
  const warnings: string[] = [];
  const shown: string[] = [];
  return {
    uid: 'numbers',
    subtask: 0,
    parallelism: 1,
    files: new MemoryFileSystem(),
    clock: systemClock,
    timers: systemTimers,
    metrics: new JobMetrics(),
    jobDirectory: '/job',
    jobName: 'my.job-1',
    lineage: LINEAGE,
    generation: 1,
    restored: [],
    sharedSplits: null,
    warn: (message) => warnings.push(message),
    showRows: (rows) => shown.push(...rows),
    rowsFlow: () => null,
    ...changes,
    warnings,
    shown,
  };
}

export function columnsOf(types: Readonly<Record<string, DataType>>): SourceColumn[] {
  return Object.entries(types).map(([name, type]) => ({
    name,
    type,
    path: [name],
    timeFormat: type.kind === 'timestamp' ? {kind: 'epoch-millis'} : null,
  }));
}

export function sourceSpec(
  options: OptionValues,
  columns: readonly SourceColumn[],
  changes: Partial<SourceSpec> = {},
): SourceSpec {
  return {
    uid: 'numbers',
    connector: 'file',
    options,
    schema: {fields: columns.map(({name, type}) => ({name, type}))},
    columns,
    watermark: null,
    rateLimit: null,
    bounded: true,
    onBadRecord: {kind: 'fail'},
    maxRecordBytes: null,
    sideOutputs: [],
    ...changes,
  };
}

export function sinkSpec(
  options: OptionValues,
  types: Readonly<Record<string, DataType>>,
): SinkSpec {
  const fields = Object.entries(types).map(([name, type]) => ({name, type}));
  return {uid: 'out', connector: 'file', input: 'numbers', options, schema: {fields}};
}

/** One subtask of a checkpoint, as JSON would bring it back. */
export function stored(states: SubtaskMetadata['states'], index = 0): SubtaskMetadata {
  return JSON.parse(JSON.stringify({index, states, watermark: null})) as SubtaskMetadata;
}

/** Makes a durable file, with its directories. */
export async function putFile(
  files: FileSystem,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const parts = path.split('/').slice(1, -1);
  for (let count = 1; count <= parts.length; count += 1) {
    try {
      await files.makeDirectory(`/${parts.slice(0, count).join('/')}`);
    } catch {
      // It is there.
    }
  }
  const handle = await files.createNew(path);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (bytes.length > 0) await handle.append(bytes);
  await handle.sync();
  await handle.close();
}

export function seeded(seed: number): SeededRandom {
  return new SeededRandom(seed);
}
