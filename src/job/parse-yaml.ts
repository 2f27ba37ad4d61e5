// YAML text → our own nodes. Runs after the pre-scan (scan-yaml.ts), which keeps what would hurt the
// yaml package away from it; what YAML allows and a job file does not is refused here, where the
// package's own judgement of the text is at hand.

import {CST, Lexer, isAlias, isMap, isScalar, isSeq, parseDocument} from 'yaml';
import type {Alias, Document, Node, Pair, ParsedNode, Scalar, YAMLMap} from 'yaml';

import type {FindingList} from './finding.ts';
import {quoted} from './finding.ts';
import type {Place, SourceText} from './source-text.ts';
import type {ScalarStyle, YamlEntry, YamlNode, YamlScalar} from './yaml-node.ts';
import {assert} from '../base/assert.ts';

/** Names that reach into every JavaScript object; refused as keys wherever they stand. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

const MAX_SYNTAX_FINDINGS = 3;

/** The document's node; null when there is none or when errors were found. */
export function parseYaml(origin: SourceText, findings: FindingList): YamlNode | null {
  const before = findings.errorCount;
  refuseTokens(origin, findings);
  if (findings.errorCount > before) return null;
  const document = parseDocument(origin.text, {
    version: '1.2',
    schema: 'core',
    intAsBigInt: true,
    merge: false,
    prettyErrors: false,
    // Quadratic in the package; checked below, with both positions.
    uniqueKeys: false,
    logLevel: 'silent',
  });
  // Later ones mostly follow from the first.
  for (const problem of [...document.errors, ...document.warnings].slice(0, MAX_SYNTAX_FINDINGS)) {
    const [start] = problem.pos;
    const inVariable = origin.text.slice(Math.max(0, start - 1), start + 1) === '${';
    const suggestion = inVariable ? 'inside { } and [ ], quote a text with a variable' : null;
    findings.error('yaml-syntax', {origin, start}, `YAML: ${problem.message}`, suggestion);
  }
  if (findings.errorCount > before) return null;
  const converted = new Converter(origin, findings).convertDocument(document);
  return findings.errorCount > before ? null : converted;
}

/** Directives, tags and further documents, from the package's own tokens. */
function refuseTokens(origin: SourceText, findings: FindingList): void {
  let start = 0;
  let documents = 0;
  for (const token of new Lexer().lex(origin.text)) {
    const place = {origin, start};
    switch (CST.tokenType(token)) {
      case 'doc-mode':
      case 'flow-error-end':
      case 'scalar':
        // Marks of the lexer that are not in the text.
        if (token.length === 1 && origin.text[start] !== token) continue;
        break;
      case 'directive-line':
        findings.error(
          'yaml-directive',
          place,
          `the directive ${quoted(token)} is refused: a job file is YAML 1.2`,
          'remove the line',
        );
        break;
      case 'tag':
        findings.error(
          'yaml-tag',
          place,
          `the tag ${quoted(token)} is refused: values have no tags in a job file`,
          'remove the tag, or quote the text',
        );
        break;
      case 'doc-start':
        documents += 1;
        if (documents > 1 || hasContent(origin.text, start)) {
          findings.error(
            'yaml-documents',
            place,
            'a second document begins here: a job file holds one job',
            'put it into a file of its own',
          );
        }
        break;
      default:
    }
    start += token.length;
  }
}

/** Something that is not a comment stands before `end`. */
function hasContent(text: string, end: number): boolean {
  return text
    .slice(0, end)
    .split('\n')
    .some((line) => /^\s*[^\s#%]/.test(line) && !line.startsWith('...'));
}

class Converter {
  readonly #origin: SourceText;
  readonly #findings: FindingList;
  /** Anchors of the nodes that the current one stands in. */
  readonly #openAnchors: string[] = [];

  constructor(origin: SourceText, findings: FindingList) {
    this.#origin = origin;
    this.#findings = findings;
  }

  convertDocument(document: Document.Parsed): YamlNode | null {
    return document.contents === null ? null : this.#convert(document.contents);
  }

  #convert(node: Node): YamlNode {
    const start = this.#startOf(node);
    const place: Place = {origin: this.#origin, start};
    if (isAlias(node)) return this.#refuseAlias(node, place);
    const {anchor} = node as ParsedNode & {anchor?: string};
    if (anchor !== undefined) {
      this.#findings.error(
        'yaml-anchor',
        place,
        `the anchor ${quoted(`&${anchor}`)} is refused: a job file has no anchors and aliases`,
        'write the value out where it is used',
      );
      this.#openAnchors.push(anchor);
    }
    const converted = this.#convertContent(node, place);
    if (anchor !== undefined) this.#openAnchors.pop();
    return converted;
  }

  #convertContent(node: Node, place: Place): YamlNode {
    if (isMap(node)) return {...place, kind: 'map', entries: this.#convertEntries(node)};
    if (isSeq(node)) {
      return {...place, kind: 'list', items: node.items.map((item) => this.#convert(item as Node))};
    }
    assert(isScalar(node), 'a YAML node is a map, a list or a scalar');
    return this.#convertScalar(node, place);
  }

  #convertEntries(map: YAMLMap): YamlEntry[] {
    const entries: YamlEntry[] = [];
    const places = new Map<string, Place>();
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = this.#convert(pair.key);
      const name = this.#keyName(key);
      const value = pair.value === null ? {...key, ...nullScalar(key)} : this.#convert(pair.value);
      if (name === null) continue;
      const before = places.get(name);
      if (before !== undefined) this.#refuseDuplicate(name, before, key);
      places.set(name, key);
      entries.push({key: name, keyPlace: key, value});
    }
    return entries;
  }

  /** Null when the key is refused. */
  #keyName(key: YamlNode): string | null {
    if (key.kind !== 'scalar') {
      this.#findings.error('yaml-key', key, 'a key must be a text, not a list or a map');
      return null;
    }
    if (typeof key.value !== 'string') {
      const text = key.written === '' ? 'an empty key' : `the key ${quoted(key.written)}`;
      this.#findings.error('yaml-key', key, `${text} is not a text`, `quote it: "${key.written}"`);
      return null;
    }
    if (FORBIDDEN_KEYS.has(key.value)) {
      this.#findings.error('yaml-forbidden-key', key, `the key ${quoted(key.value)} is refused`);
      return null;
    }
    if (key.value === '<<' && key.style === 'plain') {
      this.#findings.error(
        'yaml-merge-key',
        key,
        'the merge key "<<" is refused',
        'write the keys out where they are used',
      );
      return null;
    }
    return key.value;
  }

  #refuseDuplicate(name: string, before: Place, key: Place): void {
    const first = before.origin.positionOf(before.start);
    const where = first === null ? 'before' : `at ${first.line}:${first.column}`;
    this.#findings.error(
      'yaml-duplicate-key',
      key,
      `the key ${quoted(name)} stands here and ${where}`,
      'remove one of them',
    );
  }

  #refuseAlias(alias: Alias, place: Place): YamlScalar {
    const cyclic = this.#openAnchors.includes(alias.source);
    const name = quoted(`*${alias.source}`);
    this.#findings.error(
      'yaml-alias',
      place,
      cyclic
        ? `cyclic alias: ${name} stands inside the value that it names`
        : `the alias ${name} is over the alias limit: a job file has no anchors and aliases`,
      'write the value out where it is used',
    );
    return nullScalar(place);
  }

  #convertScalar(node: Scalar, place: Place): YamlScalar {
    const range = node.range ?? [place.start, place.start, place.start];
    const value = this.#scalarValue(node, place);
    return {
      ...place,
      kind: 'scalar',
      value,
      style: styleOf(node),
      end: range[1],
      written: typeof value === 'string' ? value : this.#origin.text.slice(range[0], range[1]),
      segments: null,
    };
  }

  #scalarValue(node: Scalar, place: Place): YamlScalar['value'] {
    const {value} = node;
    switch (typeof value) {
      case 'bigint':
        return Number.isSafeInteger(Number(value)) ? Number(value) : value;
      case 'string':
        if (value.isWellFormed() && !value.includes('\0')) return value;
        this.#findings.error(
          'yaml-text',
          place,
          value.includes('\0')
            ? 'the text holds a NUL character'
            : 'the text holds half of a surrogate pair',
        );
        return '';
      case 'number':
      case 'boolean':
        return value;
      default:
        assert(value === null, 'a core schema scalar is a string, number, boolean or null');
        return null;
    }
  }

  #startOf(node: Node): number {
    return (node as {range?: [number, number, number] | null}).range?.[0] ?? 0;
  }
}

function nullScalar(place: Place): YamlScalar {
  return {
    origin: place.origin,
    start: place.start,
    kind: 'scalar',
    value: null,
    style: 'plain',
    end: place.start,
    written: '',
    segments: null,
  };
}

function styleOf(node: Scalar): ScalarStyle {
  switch (node.type) {
    case 'QUOTE_DOUBLE':
      return 'double-quoted';
    case 'QUOTE_SINGLE':
      return 'single-quoted';
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED':
      return 'block';
    default:
      return 'plain';
  }
}
