// `_metadata` of Flink by hand, of version 3 or 4: what the tests of wrong bytes are made of.

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

export function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

export function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** ASCII. */
export function text(value: string): Buffer {
  return Buffer.concat([short(value.length), Buffer.from(value, 'latin1')]);
}

/** Without properties, which version 4 has. */
export function metadataOf(version: number, operators: readonly Uint8Array[], id = 1n): Buffer {
  const head = [int(0x4960672d), int(version), long(id), int(0), int(operators.length)];
  return Buffer.concat([...head, ...operators]);
}

export interface OperatorBytes {
  readonly id?: string;
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly coordinator?: Uint8Array;
  readonly subtasks?: readonly Uint8Array[];
  /** Another than there are. */
  readonly count?: number;
}

export function operatorOf(operator: OperatorBytes): Buffer {
  const {subtasks = [], coordinator = Buffer.of(0), count = subtasks.length} = operator;
  return Buffer.concat([
    Buffer.from(operator.id ?? '0'.repeat(32), 'hex'),
    int(operator.parallelism ?? 2),
    int(operator.maxParallelism ?? 128),
    coordinator,
    int(count),
    ...subtasks,
  ]);
}

export function subtaskOf(index: number, keyed: Uint8Array = Buffer.of(0)): Buffer {
  return Buffer.concat([int(index), int(0), int(0), keyed, Buffer.of(0), int(0), int(0)]);
}

/** Tag 12. */
export function keyGroupsHandle(stream: Uint8Array, start = 0, count = 1, offset = 0n): Buffer {
  const offsets = Array.from({length: count}, () => long(offset));
  return Buffer.concat([Buffer.of(12), int(start), int(count), ...offsets, stream, text('handle')]);
}

/** Tag 6. */
export function relative(path: string, size: bigint): Buffer {
  return Buffer.concat([Buffer.of(6), text(path), long(size)]);
}

/** Tag 2. */
export function absolute(path: string, size: bigint): Buffer {
  return Buffer.concat([Buffer.of(2), long(size), text(path)]);
}

/** Tag 15. */
export function segment(path: string, start: number, size: number): Buffer {
  const place = [long(BigInt(start)), long(BigInt(size)), int(1)];
  return Buffer.concat([Buffer.of(15), ...place, text(path), text('id')]);
}

/** Tag 8, `depth` of them in one another. */
export function changelog(depth: number): Buffer {
  const head = Buffer.concat([Buffer.of(8), int(0), int(1), long(0n)]);
  const heads = Array.from({length: depth}, (_, index) =>
    Buffer.concat([head, int(index === depth - 1 ? 0 : 1)]),
  );
  const tails = Array.from({length: depth}, () => Buffer.concat([int(0), long(0n), text('')]));
  return Buffer.concat([...heads, ...tails]);
}
