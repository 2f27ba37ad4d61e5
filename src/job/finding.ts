import type {ErrorRule, RuleId, WarningRule} from './rules.ts';
import type {Place} from './source-text.ts';

/** One thing that is wrong with a job file, as `validate` reports it. */
export interface Finding {
  readonly rule: RuleId;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** 1-based; null: the value came from `-D` or `--set`, and the message names it. */
  readonly line: number | null;
  /** 1-based, in UTF-16 units. */
  readonly column: number | null;
  /** What to write instead, or to run next. */
  readonly suggestion: string | null;
}

/** More would not be read; the last one says that there are more. */
export const MAX_FINDINGS = 100;
/** A longer quotation from the file is cut. */
const MAX_QUOTED_LENGTH = 60;
const MAX_MESSAGE_LENGTH = 600;

/** What was found so far. Findings are data: nothing is thrown for a bad job file. */
export class FindingList {
  readonly #findings: Finding[] = [];
  #errors = 0;
  #left = 0;

  get errorCount(): number {
    return this.#errors;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Further errors are only counted: no need to look for what was meant. */
  get isFull(): boolean {
    return this.#findings.length >= MAX_FINDINGS;
  }

  error(rule: ErrorRule, place: Place, message: string, suggestion: string | null = null): void {
    this.#add(rule, 'error', place, message, suggestion);
  }

  warning(
    rule: WarningRule,
    place: Place,
    message: string,
    suggestion: string | null = null,
  ): void {
    this.#add(rule, 'warning', place, message, suggestion);
  }

  /** In the order of the file; those without a line first. */
  sorted(): readonly Finding[] {
    const sorted = this.#findings.toSorted(
      (left, right) =>
        (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0),
    );
    const last = sorted.at(-1);
    if (this.#left === 0 || last === undefined) return sorted;
    const more: Finding = {
      ...last,
      rule: 'more-findings',
      message: `${this.#left} more findings are not shown`,
      suggestion: 'mend these first',
    };
    return [...sorted, more];
  }

  #add(
    rule: RuleId,
    severity: Finding['severity'],
    place: Place,
    message: string,
    suggestion: string | null,
  ): void {
    const isFirstError = severity === 'error' && this.#errors === 0;
    if (severity === 'error') this.#errors += 1;
    // A warning past the limit may be left out, an error must still make the job invalid.
    if (this.isFull && !isFirstError) {
      this.#left += 1;
      return;
    }
    const position = place.origin.positionOf(place.start);
    this.#findings.push({
      rule,
      severity,
      message: printable(labelled(place, message)),
      line: position?.line ?? null,
      column: position?.column ?? null,
      suggestion: suggestion === null ? null : printable(suggestion),
    });
  }
}

/** An override has no line, so its own text says where. */
function labelled({origin, start}: Place, message: string): string {
  if (origin.label === null) return message;
  const where = start === 0 ? origin.label : `${origin.label}, character ${start + 1}`;
  return `${where}: ${message}`;
}

/** `text` in double quotes for a message, cut when long. */
export function quoted(text: string): string {
  const cut = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return `"${cut.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Control and direction characters escaped, so that a job file cannot write to a terminal; cut when long. */
function printable(text: string): string {
  const cut = text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text;
  return cut.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
