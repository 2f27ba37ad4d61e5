// A checkpoint or savepoint of Flink in a list.

import type {CheckpointItem} from '../checkpoint-item.ts';
import {kindOf, summarise} from './inspect-flink-directory.ts';
import {readFlinkDirectory, type FlinkDirectoryOptions} from './read-flink-directory.ts';

export interface ListedFlinkDirectory {
  readonly item: CheckpointItem;
  /** What is wrong with it, and what was not looked for where Flink wrote it. */
  readonly warnings: readonly string[];
}

/** `id`: of the directory's name if that has one, where `_metadata` cannot be read. */
export async function listFlinkDirectory(
  options: FlinkDirectoryOptions,
  id: number | null,
): Promise<ListedFlinkDirectory> {
  const {directory} = options;
  const reading = await readFlinkDirectory(options);
  const unread: CheckpointItem = {
    id,
    kind: 'checkpoint',
    state: 'foreign',
    path: directory,
    format: 'flink',
    format_version: null,
    created: null,
    duration_ms: null,
    bytes: 0,
    own_bytes: 0,
    shared_bytes: 0,
    generation: null,
    job_name: null,
    unaligned: null,
    incremental: null,
    newest_restorable: false,
    held: false,
  };
  switch (reading.kind) {
    case 'gone':
      return {item: {...unread, state: 'incomplete'}, warnings: []};
    case 'damaged':
      return {item: {...unread, state: 'damaged'}, warnings: [reading.finding.message]};
    case 'incompatible':
      return {item: unread, warnings: [reading.finding.message]};
    case 'read': {
      const {metadata} = reading;
      const summary = summarise(directory, reading);
      const item: CheckpointItem = {
        ...unread,
        id: metadata.checkpointId,
        kind: kindOf(directory, metadata) ?? 'checkpoint',
        state: summary.state === 'damaged' ? 'damaged' : 'foreign',
        format_version: String(metadata.version),
        bytes: summary.ownBytes + summary.sharedBytes,
        own_bytes: summary.ownBytes,
        shared_bytes: summary.sharedBytes,
        unaligned: summary.unaligned,
        incremental: summary.incremental,
      };
      const told = summary.findings.filter(({code}) => code !== 'no-checksums');
      return {item, warnings: told.map(({message}) => message)};
    }
  }
}
