import type {JobSpec} from './job-spec.ts';
import {readFields} from './read-value.ts';
import {PREDEFINED_OPTIONS, REFUSED_ROCKSDB_FIELDS, ROCKSDB_FIELDS} from './rocksdb-fields.ts';
import type {ReadContext} from './read-scalar.ts';
import {valueOf, type YamlMap} from './yaml-node.ts';

type RocksdbSpec = JobSpec['state']['rocksdb'];

/** `state.rocksdb`; an empty map gives the defaults. Undefined: something is wrong (reported). */
export function readRocksdb(map: YamlMap, context: ReadContext): RocksdbSpec | undefined {
  const refused = [...REFUSED_ROCKSDB_FIELDS.keys()];
  const values = readFields(map, ROCKSDB_FIELDS, 'state.rocksdb', context, refused);
  for (const [name, reason] of REFUSED_ROCKSDB_FIELDS) {
    const node = valueOf(map, name);
    if (node === null) continue;
    const message = `state.rocksdb.${name} is refused: ${reason}`;
    context.findings.error('not-supported', node, message, 'remove it');
  }
  if (values === undefined) return undefined;
  const bits = valueOf(map, 'bloom-filter-bits-per-key');
  if (values['use-bloom-filter'] === false && bits !== null) {
    const message = 'state.rocksdb.bloom-filter-bits-per-key has no effect without the filter';
    context.findings.error('not-supported', bits, message, 'remove it, or use-bloom-filter: false');
    return undefined;
  }
  const preset =
    PREDEFINED_OPTIONS[values['predefined-options'] as keyof typeof PREDEFINED_OPTIONS];
  return {
    cacheSize: values['cache-size'] as number,
    writeBufferSize: values['write-buffer-size'] as number,
    writeBufferCount: (values['write-buffer-count'] ?? preset.writeBufferCount) as number,
    backgroundThreads: (values['background-threads'] ?? preset.backgroundThreads) as number,
    openFiles: values['open-files'] as number,
    blockSize: (values['block-size'] ?? preset.blockSize) as number,
    bloomBitsPerKey:
      values['use-bloom-filter'] === true ? (values['bloom-filter-bits-per-key'] as number) : 0,
    transferThreads: values['transfer-threads'] as number,
    localDirectories: (values['local-directories'] ?? []) as readonly string[],
  };
}
