import {sha256Hex} from '../base/checksum.ts';

/** 32 hexadecimal digits, one per lineage. */
export function jobIdOf(jobName: string, lineage: string): string {
  return sha256Hex(`${jobName} ${lineage}`).slice(0, 32);
}
