// What kind of checkpoint it is, at the end of `_metadata` from version 4 on: a Java object stream with one object of
// Flink's class CheckpointProperties, or none, as the State Processor API writes it.

import type {ByteCursor} from './byte-cursor.ts';
import type {FlinkProperties} from './flink-metadata.ts';
import {readJavaStream, type JavaEnum, type JavaObject, type JavaValue} from './java-objects.ts';

const PACKAGE = 'org.apache.flink.runtime.checkpoint';

export function readProperties(cursor: ByteCursor): FlinkProperties | null {
  const offset = cursor.offset;
  const properties = readJavaStream(cursor);
  if (properties === null) return null;
  const type = objectOf(properties, 'CheckpointProperties')?.fields.get('checkpointType') ?? null;
  const read = checkpointOf(type) ?? savepointOf(type);
  if (read !== null) return read;
  throw cursor.wrong(
    offset,
    'CheckpointProperties with a CheckpointType or a SavepointType',
    `${describe(properties)} with ${describe(type)}`,
  );
}

function checkpointOf(type: JavaValue): FlinkProperties | null {
  const name = objectOf(type, 'CheckpointType')?.fields.get('name');
  return typeof name === 'string' ? {kind: 'checkpoint', format: null, name} : null;
}

function savepointOf(type: JavaValue): FlinkProperties | null {
  const fields = objectOf(type, 'SavepointType')?.fields;
  const name = fields?.get('name');
  const format = FORMATS[enumConstant(fields?.get('formatType')) ?? ''];
  if (typeof name !== 'string' || format === undefined) return null;
  return {kind: 'savepoint', format, name};
}

const FORMATS: Readonly<Record<string, 'canonical' | 'native'>> = {
  CANONICAL: 'canonical',
  NATIVE: 'native',
};

function objectOf(value: JavaValue, name: string): JavaObject | null {
  const isObject = isClassed(value) && 'fields' in value;
  return isObject && value.className === `${PACKAGE}.${name}` ? value : null;
}

function enumConstant(value: JavaValue | undefined): string | null {
  return value !== undefined && isClassed(value) && 'constant' in value ? value.constant : null;
}

function isClassed(value: JavaValue): value is JavaObject | JavaEnum {
  return typeof value === 'object' && value !== null;
}

function describe(value: JavaValue): string {
  return isClassed(value) ? value.className : JSON.stringify(value);
}
