// What the yaml package must not see: about a thousand levels of nesting abort V8 in it, many keys in
// one map take it minutes. One linear pass without recursion, before the package's own.
//
// It follows the package's lexer where that matters for depth: where scalars end, and so where
// brackets and dashes count. Where the package would carry on after an error in a way of its own
// (unindented lines in quotes or brackets, tabs as indentation), this pass refuses the file, so that
// both always agree on what a line is. Checked against the package on generated texts.

import type {FindingList} from './finding.ts';
import type {ErrorRule} from './rules.ts';
import type {SourceText} from './source-text.ts';
import {
  continuation,
  flowPlainEnd,
  isDocumentMarker,
  isEmptyAt,
  lineEnd,
  plainEnd,
  quotedEnd,
} from './yaml-extent.ts';

export const MAX_YAML_DEPTH = 64;
export const MAX_KEYS_PER_MAP = 1000;
export const MAX_YAML_NODES = 20_000;
/** Also of blank lines and comments, which the package keeps one by one. */
export const MAX_YAML_LINES = 50_000;

/** False: refused (reported). */
export function scanYaml(origin: SourceText, findings: FindingList): boolean {
  const problem = new YamlScanner(origin.text).scan();
  if (problem === null) return true;
  findings.error(problem.rule, {origin, start: problem.at}, problem.message, problem.suggestion);
  return false;
}

interface ScanProblem {
  readonly rule: ErrorRule;
  readonly at: number;
  readonly message: string;
  readonly suggestion: string | null;
}

/** A block collection whose entries begin at `column`. */
interface BlockLevel {
  readonly column: number;
  readonly isList: boolean;
  keys: number;
}

class YamlScanner {
  readonly #text: string;
  readonly #blocks: BlockLevel[] = [];
  #at = 0;
  #lineStart = 0;
  #nodes = 0;
  /** The first problem ends the scan. */
  #problem: ScanProblem | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): ScanProblem | null {
    this.#countLines();
    while (this.#at < this.#text.length && this.#problem === null) this.#scanLine();
    return this.#problem;
  }

  #countLines(): void {
    let lines = 1;
    for (
      let at = lineEnd(this.#text, 0);
      at < this.#text.length;
      at = lineEnd(this.#text, at + 1)
    ) {
      lines += 1;
      if (lines <= MAX_YAML_LINES) continue;
      const message = `a job file has at most ${MAX_YAML_LINES} lines`;
      this.#refuse('yaml-too-many-lines', at + 1, message, null);
      return;
    }
  }

  #scanLine(): void {
    this.#lineStart = this.#at;
    this.#skip(' ');
    const indented = this.#at > this.#lineStart;
    const character = this.#text[this.#at];
    if (character === '\t') {
      this.#skip(' \t');
      if (this.#atLineEnd() || this.#text[this.#at] === '#') {
        this.#skipLine();
        return;
      }
      this.#refuse('yaml-tab', this.#at, 'a tab cannot indent a line', 'use spaces');
      return;
    }
    if (character === '#') {
      this.#skipLine();
      return;
    }
    if (!indented && character === '%') {
      const suggestion = 'remove the line; quote a text that begins with %';
      const message = 'a directive is refused: a job file is YAML 1.2';
      this.#refuse('yaml-directive', this.#at, message, suggestion);
      return;
    }
    if (!indented && isDocumentMarker(this.#text, this.#at)) {
      this.#blocks.length = 0;
      this.#at += 3;
      this.#skip(' \t');
    }
    this.#scanBlockTokens();
  }

  /** Indicators, a key and a value, up to the end of the line on which the value ends. */
  #scanBlockTokens(): void {
    let hasKey = false;
    while (this.#problem === null) {
      const start = this.#at;
      const character = this.#text[start];
      if (this.#atLineEnd() || character === '#') {
        this.#skipLine();
        return;
      }
      if ((character === '-' || character === '?') && isEmptyAt(this.#text, start + 1)) {
        this.#scanIndicator(hasKey);
      } else if (character === '|' || character === '>') {
        this.#scanBlockScalar();
        return;
      } else if (character === '&' || character === '!') {
        this.#scanProperty();
      } else {
        this.#scanInlineValue();
        this.#skip(' \t');
        if (!this.#atKeyEnd()) {
          this.#endValue();
          return;
        }
        this.#enterKey(start, hasKey);
        hasKey = true;
      }
      this.#skip(' \t');
    }
  }

  #scanIndicator(afterKey: boolean): void {
    const start = this.#at;
    if (this.#text[start] === '?') {
      this.#refuse(
        'yaml-explicit-key',
        start,
        'an explicit key "? " is refused',
        'write key: value',
      );
    } else if (afterKey) {
      const suggestion = 'begin the list on a line of its own, or quote the text';
      this.#refuse('yaml-syntax', start, 'a list cannot begin beside its key', suggestion);
    } else {
      this.#enterBlock(start, true);
      this.#at += 1;
    }
  }

  #enterKey(start: number, hasKey: boolean): void {
    const end = this.#at;
    if (hasKey) {
      const message = 'a second key on one line, or a text that holds ": "';
      this.#refuse('yaml-syntax', start, message, 'quote the text');
    } else if (this.#text.slice(start, end).includes('\n')) {
      const message = 'a key has to stand on one line';
      this.#refuse('yaml-syntax', start, message, 'quote a text that holds ": "');
    } else {
      this.#enterBlock(start, false);
      this.#at += 1;
    }
  }

  #atKeyEnd(): boolean {
    return this.#text[this.#at] === ':' && isEmptyAt(this.#text, this.#at + 1);
  }

  #endValue(): void {
    if (this.#problem !== null) return;
    if (this.#atLineEnd() || this.#text[this.#at] === '#') {
      this.#skipLine();
      return;
    }
    const message = 'a value ends before this';
    this.#refuse('yaml-syntax', this.#at, message, 'quote the whole text');
  }

  /** An anchor, alias or tag. Refused later with a better word; here it only has an end. */
  #scanProperty(): void {
    this.#count();
    const start = this.#at;
    while (!isEmptyAt(this.#text, this.#at)) {
      if (',[]{}'.includes(this.#text[this.#at]!)) {
        this.#refuse('yaml-syntax', start, 'a name or tag ends before this bracket', null);
        return;
      }
      this.#at += 1;
    }
  }

  #scanInlineValue(): void {
    switch (this.#text[this.#at]) {
      case '[':
      case '{':
        this.#scanFlow();
        break;
      case '"':
      case "'":
        this.#scanQuoted();
        break;
      case '*':
        this.#scanProperty();
        break;
      default:
        this.#scanPlain();
    }
  }

  /** Leaves deeper blocks, and counts an entry in the one at `column`. */
  #enterBlock(at: number, isList: boolean): void {
    const column = at - this.#lineStart;
    let top = this.#blocks.at(-1);
    while (
      top !== undefined &&
      (top.column > column || (top.column === column && top.isList && !isList))
    ) {
      this.#blocks.pop();
      top = this.#blocks.at(-1);
    }
    if (top?.column !== column || top.isList !== isList) {
      top = {column, isList, keys: 0};
      this.#blocks.push(top);
    }
    top.keys += 1;
    this.#count();
    if (!isList && top.keys > MAX_KEYS_PER_MAP) this.#refuseKeys(at);
    if (this.#blocks.length > MAX_YAML_DEPTH) this.#refuseDepth(at);
  }

  /** Column that lines of a value must be indented beyond. */
  #parentColumn(): number {
    return this.#blocks.at(-1)?.column ?? -1;
  }

  #scanPlain(): void {
    this.#count();
    if (this.#problem !== null) return;
    const character = this.#text[this.#at]!;
    if ('],}%@`'.includes(character)) {
      this.#refuse('yaml-syntax', this.#at, `a text cannot begin with ${character}`, 'quote it');
      return;
    }
    this.#moveTo(plainEnd(this.#text, this.#at, this.#parentColumn()));
  }

  #scanQuoted(): void {
    this.#count();
    if (this.#problem !== null) return;
    const start = this.#at;
    const end = quotedEnd(this.#text, start, this.#parentColumn());
    if (end !== null) {
      this.#moveTo(end);
      return;
    }
    const message = 'the quoted text that begins here has no end';
    const suggestion = 'close the quotes; further lines must be indented';
    this.#refuse('yaml-syntax', start, message, suggestion);
  }

  /** Brackets and what is in them, over lines. */
  #scanFlow(): void {
    const start = this.#at;
    const levels: {readonly isMap: boolean; keys: number}[] = [];
    while (this.#problem === null) {
      const at = this.#at;
      const character = this.#text[at];
      const level = levels.at(-1);
      if (character === undefined) {
        this.#refuseOpenFlow(start);
        return;
      }
      if (character === '[' || character === '{') {
        levels.push({isMap: character === '{', keys: 1});
        this.#count();
        if (this.#blocks.length + levels.length > MAX_YAML_DEPTH) this.#refuseDepth(at);
        this.#at += 1;
      } else if (character === ']' || character === '}') {
        levels.pop();
        this.#at += 1;
        if (levels.length === 0) return;
      } else if (character === ',') {
        this.#at += 1;
        if (level !== undefined) level.keys += 1;
        if (level?.isMap === true && level.keys > MAX_KEYS_PER_MAP) this.#refuseKeys(at);
      } else if (character === '\n') {
        this.#scanFlowLineEnd(start);
      } else {
        this.#scanFlowToken();
      }
    }
  }

  #scanFlowLineEnd(start: number): void {
    const next = continuation(this.#text, this.#at + 1, this.#parentColumn());
    if (next !== null) {
      this.#moveTo(next);
      return;
    }
    // A closing bracket may stand as far left as what the value belongs to.
    let at = this.#at + 1;
    for (;;) {
      const lineStart = at;
      while (this.#text[at] === ' ') at += 1;
      if (this.#text[at] !== '\n') {
        const closes = this.#text[at] === ']' || this.#text[at] === '}';
        if (closes && at - lineStart === Math.max(0, this.#parentColumn())) {
          this.#moveTo(at);
          return;
        }
        this.#refuseOpenFlow(start);
        return;
      }
      at += 1;
    }
  }

  #scanFlowToken(): void {
    const at = this.#at;
    const character = this.#text[at]!;
    if (character === '"' || character === "'") {
      this.#scanQuoted();
      return;
    }
    if (character === ' ' || character === '\t' || character === ':') {
      this.#moveTo(at + 1);
      return;
    }
    const before = this.#text[at - 1]!;
    if (character === '#' && (before === ' ' || before === '\t' || before === '\n')) {
      while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at += 1;
      return;
    }
    if (character === '?' && isEmptyAt(this.#text, at + 1)) {
      this.#refuse('yaml-explicit-key', at, 'an explicit key "? " is refused', 'write key: value');
      return;
    }
    this.#scanFlowPlain();
  }

  #scanFlowPlain(): void {
    this.#count();
    this.#moveTo(flowPlainEnd(this.#text, this.#at));
  }

  /** `|` or `>` and the lines that belong to it. */
  #scanBlockScalar(): void {
    this.#count();
    const headerEnd = lineEnd(this.#text, this.#at);
    if (!/^[|>][-+]?[ \t]*(?:[ \t]#.*)?$/.test(this.#text.slice(this.#at, headerEnd))) {
      const message = 'a block text begins with | or >, and then at most - or +';
      this.#refuse('yaml-syntax', this.#at, message, 'leave out an indentation digit');
      return;
    }
    this.#moveTo(headerEnd + 1);
    const parent = this.#parentColumn();
    let indent: number | null = null;
    while (this.#at < this.#text.length) {
      let at = this.#at;
      while (this.#text[at] === ' ') at += 1;
      const column = at - this.#at;
      if (this.#text[at] === undefined) {
        this.#moveTo(at);
        return;
      }
      if (this.#text[at] !== '\n') {
        if (column <= parent || (column === 0 && isDocumentMarker(this.#text, at))) return;
        if (indent !== null && column < indent) {
          this.#endBlockScalar(at);
          return;
        }
        indent ??= column;
      }
      this.#moveTo(lineEnd(this.#text, at) + 1);
    }
  }

  #endBlockScalar(at: number): void {
    // A comment may follow; anything else would be neither part of the text nor a value of its own.
    if (this.#text[at] === '#') return;
    const message = 'this line is indented less than the block text that it should belong to';
    this.#refuse('yaml-syntax', at, message, 'indent it as the lines above');
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes <= MAX_YAML_NODES) return;
    this.#refuse(
      'yaml-too-many-nodes',
      this.#at,
      `a job file has at most ${MAX_YAML_NODES} values`,
      null,
    );
  }

  #refuseDepth(at: number): void {
    const message = `nested deeper than ${MAX_YAML_DEPTH} levels`;
    this.#refuse('yaml-too-deep', at, message, null);
  }

  #refuseKeys(at: number): void {
    const message = `a map has at most ${MAX_KEYS_PER_MAP} keys`;
    this.#refuse('yaml-too-many-keys', at, message, null);
  }

  #refuseOpenFlow(start: number): void {
    const message = 'the bracket that opens here is not closed';
    this.#refuse('yaml-syntax', start, message, 'close it; further lines must be indented');
  }

  #refuse(rule: ErrorRule, at: number, message: string, suggestion: string | null): void {
    this.#problem ??= {rule, at, message, suggestion};
    this.#at = this.#text.length;
  }

  #moveTo(at: number): void {
    if (this.#problem === null) this.#at = Math.min(at, this.#text.length);
  }

  #skip(characters: string): void {
    while (this.#at < this.#text.length && characters.includes(this.#text[this.#at]!))
      this.#at += 1;
  }

  #skipLine(): void {
    this.#moveTo(lineEnd(this.#text, this.#at) + 1);
  }

  #atLineEnd(): boolean {
    return this.#at >= this.#text.length || this.#text[this.#at] === '\n';
  }
}
