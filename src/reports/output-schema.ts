// The schemas of what commands print, which the package ships.

import {join} from 'node:path';

import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import {readWholeFile} from '../storage/durable-file.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';

const SCHEMA_BYTES_MAX = 1_048_576;

/** `root`: the package's directory; `name`: of a file in schema/output/, without `.json`. */
export async function readOutputSchema(
  root: string,
  name: string,
): Promise<Readonly<Record<string, JsonValue>>> {
  const path = join(root, 'schema', 'output', `${name}.json`);
  try {
    const bytes = await readWholeFile(nodeFileSystem, path, SCHEMA_BYTES_MAX);
    return JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, JsonValue>>;
  } catch (error) {
    throw new EngineError('STORAGE_FAILED', `the schema ${path} of this package cannot be read`, {
      file: path,
      hint: 'install tidemark again: the package is not complete',
      cause: error,
    });
  }
}
