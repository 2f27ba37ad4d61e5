// Names of edges and channels, as in-flight data in a checkpoint carries them: an edge keeps its name as long
// as its two ends and the stream between them do.

import type {ChainInput} from './execution-graph.ts';

/** `stream>target#input`. Uids and stream names have none of these characters. */
export function edgeKey(
  {stream, input}: Pick<ChainInput, 'stream' | 'input'>,
  target: string,
): string {
  return `${stream}>${target}#${input}`;
}

/** The target that `edgeKey` named. */
export function edgeTarget(key: string): string {
  return key.slice(key.indexOf('>') + 1, key.lastIndexOf('#'));
}

/** The channel of an edge from subtask `from` of its producer to subtask `to` of its consumer. */
export function channelKey(edge: string, from: number, to: number): string {
  return `${edge}:${from}-${to}`;
}
