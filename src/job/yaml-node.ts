// What a job file's YAML becomes before anything reads it: three kinds of nodes, each knowing where
// it stands. No tags, anchors or aliases: those are refused while the tree is made.

import type {Place} from './source-text.ts';

export type YamlNode = YamlScalar | YamlList | YamlMap;

export type ScalarStyle = 'plain' | 'single-quoted' | 'double-quoted' | 'block';

/** Where a part of an interpolated value comes from. */
export interface Segment {
  /** Offset in the interpolated value. */
  readonly valueStart: number;
  /** Offset in the value as it was before. */
  readonly rawStart: number;
  readonly length: number;
  /** The variable that it is the value of; null: text of the file. */
  readonly variable: string | null;
}

export interface YamlScalar extends Place {
  readonly kind: 'scalar';
  /** By the YAML 1.2 core schema; whole numbers beyond 2^53 stay exact. */
  readonly value: string | number | bigint | boolean | null;
  readonly style: ScalarStyle;
  readonly end: number;
  /** As written, for messages: without the values of variables. */
  readonly written: string;
  /** Set when `${NAME}` was replaced in it. */
  readonly segments: readonly Segment[] | null;
}

export interface YamlEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: YamlNode;
}

export interface YamlMap extends Place {
  readonly kind: 'map';
  readonly entries: readonly YamlEntry[];
}

export interface YamlList extends Place {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

export function entryOf(map: YamlMap, key: string): YamlEntry | null {
  return map.entries.find((entry) => entry.key === key) ?? null;
}

export function valueOf(map: YamlMap, key: string): YamlNode | null {
  return entryOf(map, key)?.value ?? null;
}

/** The deepest node on the way along `path` that is there. */
export function nodeAt(map: YamlMap, path: readonly string[]): YamlNode {
  let node: YamlNode = map;
  for (const key of path) node = (node.kind === 'map' ? valueOf(node, key) : null) ?? node;
  return node;
}
