// What has no effect with the rocksdb backend, or less than it seems: it is taken, and told.

import type {CheckpointingSpec} from './job-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import type {YamlMap} from './yaml-node.ts';
import {nodeAt, valueOf} from './yaml-node.ts';

export function warnWithRocksdb(
  root: YamlMap,
  checkpointing: CheckpointingSpec | undefined,
  {findings}: ReadContext,
): void {
  const section = valueOf(root, 'checkpointing');
  const chain = section?.kind === 'map' ? valueOf(section, 'max-chain') : null;
  if (checkpointing?.incremental === true && chain !== null) {
    findings.warning(
      'no-effect',
      chain,
      'checkpointing.max-chain has no effect with backend: rocksdb: there are no deltas, each checkpoint names the files that it needs',
      'remove it',
    );
  }
  if (checkpointing !== undefined && checkpointing.snapshotCompression !== 'none') {
    findings.warning(
      'no-effect',
      nodeAt(root, ['checkpointing', 'snapshot-compression']),
      'checkpointing.snapshot-compression compresses canonical savepoints only with backend: rocksdb: checkpoints and native savepoints have the files of the database as RocksDB wrote them, and it does not compress them here',
      'remove it, or keep it for the savepoints and write lint: {off: [no-effect]}',
    );
  }
}
