// An operator's id in Flink is the hash of its uid: MurmurHash3 x64 of 128 bits with seed 0 over the UTF-8 bytes. So an
// id is found for each uid that a job names; from an id alone no uid follows.

const MASK = 0xffff_ffff_ffff_ffffn;
const FACTOR_1 = 0x87c3_7b91_1142_53d5n;
const FACTOR_2 = 0x4cf5_ad43_2745_937fn;

/** 32 hexadecimal digits, as Flink shows it. */
export function flinkOperatorId(uid: string): string {
  const bytes = Buffer.from(uid, 'utf8');
  let first = 0n;
  let second = 0n;
  const blocksEnd = bytes.length - (bytes.length % 16);
  for (let at = 0; at < blocksEnd; at += 16) {
    first = rotate(first ^ mixFirst(bytes.readBigUInt64LE(at)), 27n);
    first = ((first + second) * 5n + 0x52dc_e729n) & MASK;
    second = rotate(second ^ mixSecond(bytes.readBigUInt64LE(at + 8)), 31n);
    second = ((second + first) * 5n + 0x3849_5ab5n) & MASK;
  }
  const tail = Buffer.alloc(16);
  bytes.copy(tail, 0, blocksEnd);
  const length = BigInt(bytes.length);
  first ^= mixFirst(tail.readBigUInt64LE(0)) ^ length;
  second ^= mixSecond(tail.readBigUInt64LE(8)) ^ length;
  first = (first + second) & MASK;
  second = (second + first) & MASK;
  first = avalanche(first);
  second = avalanche(second);
  first = (first + second) & MASK;
  second = (second + first) & MASK;
  const id = Buffer.alloc(16);
  id.writeBigUInt64LE(first, 0);
  id.writeBigUInt64LE(second, 8);
  return id.toString('hex');
}

function mixFirst(block: bigint): bigint {
  return (rotate((block * FACTOR_1) & MASK, 31n) * FACTOR_2) & MASK;
}

function mixSecond(block: bigint): bigint {
  return (rotate((block * FACTOR_2) & MASK, 33n) * FACTOR_1) & MASK;
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

function avalanche(value: bigint): bigint {
  let mixed = value ^ (value >> 33n);
  mixed = (mixed * 0xff51_afd7_ed55_8ccdn) & MASK;
  mixed ^= mixed >> 33n;
  mixed = (mixed * 0xc4ce_b9fe_1a85_ec53n) & MASK;
  return mixed ^ (mixed >> 33n);
}
