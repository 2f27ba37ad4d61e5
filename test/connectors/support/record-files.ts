// Files of records for the tests of the file source.

import {gzipSync} from 'node:zlib';
import {fileSource} from '#src/connectors/file/source.js';
import type {ConnectorContext, SourceReader} from '#src/connectors/connector.js';
import {newCursor, type SharedSplits} from '#src/connectors/shared-splits.js';
import type {OptionValues, SourceSpec} from '#src/job/job-spec.js';
import {BIGINT, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.ts';
import {columnsOf, putFile, seeded, sourceSpec, testContext} from './context.ts';

export const COLUMNS = columnsOf({id: BIGINT, name: STRING, time: TIMESTAMP, n: INT});
export const WATERMARK = {column: 'time', maxOutOfOrdernessMillis: 50, idleTimeoutMillis: null};

export interface Setting {
  readonly files: FileSystem;
  readonly options?: OptionValues;
  readonly spec?: Partial<SourceSpec>;
  readonly context?: Partial<ConnectorContext>;
}

/** One subtask, of a deployment of its own. */
export async function open(setting: Setting): Promise<SourceReader> {
  const {reader} = await make(setting);
  await reader.open();
  return reader;
}

export async function make(setting: Setting): Promise<{
  reader: SourceReader;
  context: ReturnType<typeof testContext>;
}> {
  const spec = specOf(setting);
  const context = testContext({files: setting.files, ...setting.context});
  const sharedSplits = await share(spec, context);
  return {reader: fileSource.create(spec, {...context, sharedSplits}), context};
}

/** All subtasks of one deployment, for `sourceSuite`. */
export async function deploy(
  setting: Setting,
  parallelism: number,
): Promise<(subtask: number) => Promise<SourceReader>> {
  const spec = specOf(setting);
  const context = testContext({files: setting.files, ...setting.context, parallelism});
  const sharedSplits = await share(spec, context);
  return async (subtask) => {
    const reader = fileSource.create(spec, {...context, sharedSplits, subtask});
    await reader.open();
    return reader;
  };
}

function specOf({options, spec}: Setting): SourceSpec {
  const given = {path: 'data/*.ndjson', format: 'json', ...options};
  return sourceSpec(given, COLUMNS, {watermark: WATERMARK, ...spec});
}

async function share(spec: SourceSpec, context: ConnectorContext): Promise<SharedSplits | null> {
  const plan = await fileSource.enumerate!(spec, context);
  // As it goes to another thread.
  return plan === null ? null : {plan: structuredClone(plan), cursor: newCursor()};
}

/** `count` records from `first` on; times rise with some disorder, some are absent. */
export function records(first: number, count: number, seed = 1): string {
  const random = seeded(seed + first);
  let text = '';
  for (let id = first; id < first + count; id += 1) {
    const time = id % 17 === 3 ? undefined : 1_000_000 + id * 10 - Math.floor(random.next() * 40);
    const padding = 'é'.repeat(Math.floor(random.next() * 30));
    text += `${JSON.stringify({id, name: `n${id}${padding}`, time, n: id % 7})}\n`;
  }
  return text;
}

export async function threeFiles(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/b.ndjson', records(100, 60));
  await putFile(files, '/job/data/a.ndjson', records(0, 100));
  await putFile(files, '/job/data/c.ndjson', gzipSync(records(160, 80)));
  await putFile(files, '/job/data/.hidden.ndjson', 'no json');
  return files;
}

export function replace(
  files: MemoryFileSystem,
  path: string,
  change: (old: Buffer) => Buffer,
): void {
  files.overwrite(path, change(files.contentOf(path)));
}
