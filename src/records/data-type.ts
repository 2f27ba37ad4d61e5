// The value types of a job file (JOB.md, "Values"), with Flink's names.

export type DataType =
  | {readonly kind: 'boolean'}
  | {readonly kind: 'int'}
  | {readonly kind: 'bigint'}
  | {readonly kind: 'double'}
  | {readonly kind: 'string'}
  /** Milliseconds since the epoch, UTC. */
  | {readonly kind: 'timestamp'}
  /** Days since the epoch. */
  | {readonly kind: 'date'}
  /** A scaled exact integer; 1 ≤ precision ≤ 18, 0 ≤ scale ≤ precision. */
  | {readonly kind: 'decimal'; readonly precision: number; readonly scale: number}
  | {readonly kind: 'bytes'};

/** An unscaled decimal fits 64 bits up to here. */
export const MAX_DECIMAL_PRECISION = 18;

export const BOOLEAN: DataType = {kind: 'boolean'};
export const INT: DataType = {kind: 'int'};
export const BIGINT: DataType = {kind: 'bigint'};
export const DOUBLE: DataType = {kind: 'double'};
export const STRING: DataType = {kind: 'string'};
export const TIMESTAMP: DataType = {kind: 'timestamp'};
export const DATE: DataType = {kind: 'date'};
export const BYTES: DataType = {kind: 'bytes'};

export function decimal(precision: number, scale: number): DataType {
  return {kind: 'decimal', precision, scale};
}

/** `bigint`, `decimal(10,2)`: as written in a job file. */
export function dataTypeText(type: DataType): string {
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind;
}

export function sameDataType(left: DataType, right: DataType): boolean {
  return dataTypeText(left) === dataTypeText(right);
}
