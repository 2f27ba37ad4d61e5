// What the rocksdb backend cannot do: a job that asks for it is refused at the place where it does. What has no effect with it
// is told.

import type {CheckpointingSpec, StepSpec} from './job-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import type {YamlMap, YamlNode} from './yaml-node.ts';
import {nodeAt, valueOf} from './yaml-node.ts';

const TTL_REASON =
  'state in RocksDB does not expire yet: nobody would find the rows that are not in memory';
const TTL_ADVICE = 'write ttl: none, or state: {backend: hashmap}';

/** `steps`: those that could be planned. */
export function refuseWithRocksdb(
  root: YamlMap,
  checkpointing: CheckpointingSpec | undefined,
  hasStateTtl: boolean,
  steps: readonly StepSpec[],
  context: ReadContext,
): void {
  const refuse = (path: readonly string[], what: string, reason: string, advice: string): void =>
    context.findings.error('not-supported', nodeAt(root, path), `${what}: ${reason}`, advice);
  if (hasStateTtl) {
    refuse(['state', 'ttl'], 'state.ttl', TTL_REASON, TTL_ADVICE);
  } else {
    for (const {uid, options} of steps) {
      if (options['ttl'] === undefined) continue;
      const place = ttlNodeOf(root, uid) ?? root;
      const message = `steps.${uid}.ttl: ${TTL_REASON}`;
      context.findings.error('not-supported', place, message, TTL_ADVICE);
    }
  }
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
      'with backend: rocksdb the files of the database are copied as they are',
      'remove it, or write state: {backend: hashmap}',
    );
  }
}

function ttlNodeOf(root: YamlMap, uid: string): YamlNode | null {
  const list = valueOf(root, 'steps');
  const items = list?.kind === 'list' ? list.items : [];
  for (const item of items) {
    if (item.kind !== 'map') continue;
    const id = valueOf(item, 'id');
    if (id?.kind === 'scalar' && id.value === uid) return valueOf(item, 'ttl');
  }
  return null;
}
