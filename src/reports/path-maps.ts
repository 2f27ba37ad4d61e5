import {resolve} from 'node:path';

import {parsePathMap, type PathMap} from '../inspection/flink/locate-file.ts';

/** `FROM=TO`, as typed: where files of Flink's checkpoints are looked for that have moved. */
export function pathMaps(maps: readonly string[] = []): readonly PathMap[] {
  return maps.map((map) => parsePathMap(map, resolve));
}
