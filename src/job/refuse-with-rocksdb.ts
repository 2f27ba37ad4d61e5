// What the rocksdb backend cannot do: a job that asks for it is refused at the place where it does. What has no effect with it
// is told.

import type {CheckpointingSpec} from './job-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import type {YamlMap} from './yaml-node.ts';
import {nodeAt, valueOf} from './yaml-node.ts';

export function refuseWithRocksdb(
  root: YamlMap,
  checkpointing: CheckpointingSpec | undefined,
  context: ReadContext,
): void {
  const refuse = (path: readonly string[], what: string, reason: string, advice: string): void =>
    context.findings.error('not-supported', nodeAt(root, path), `${what}: ${reason}`, advice);
  const section = valueOf(root, 'checkpointing');
  const chain = section?.kind === 'map' ? valueOf(section, 'max-chain') : null;
  if (checkpointing?.incremental === true && chain !== null) {
    context.findings.warning(
      'no-effect',
      chain,
      'checkpointing.max-chain has no effect with backend: rocksdb: there are no deltas, each checkpoint names the files that it needs',
      'remove it',
    );
  }
  if (checkpointing !== undefined && checkpointing.snapshotCompression !== 'none') {
    refuse(
      ['checkpointing', 'snapshot-compression'],
      'checkpointing.snapshot-compression',
      'with backend: rocksdb the files of the database are stored as RocksDB wrote them, and in Flink too the option has no effect on them',
      'remove it, or write state: {backend: hashmap}',
    );
  }
}
