// Which CASTs there are, by kind. From every type to itself as well.

import type {DataType} from '../records/data-type.ts';

type Kind = DataType['kind'];

export const CONVERSIONS: Readonly<Record<Kind, readonly Kind[]>> = {
  boolean: ['string', 'int', 'bigint', 'double', 'decimal'],
  int: ['string', 'boolean', 'bigint', 'double', 'decimal'],
  bigint: ['string', 'boolean', 'int', 'double', 'decimal'],
  double: ['string', 'boolean', 'int', 'bigint', 'decimal'],
  decimal: ['string', 'boolean', 'int', 'bigint', 'double', 'decimal'],
  string: ['boolean', 'int', 'bigint', 'double', 'decimal', 'timestamp', 'date', 'bytes'],
  timestamp: ['string', 'date'],
  date: ['string', 'timestamp'],
  bytes: ['string'],
};
