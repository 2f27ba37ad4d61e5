// Where YAML scalars end: pure functions from an offset in a text (LF line ends) to another, for the
// pre-scan. `parentColumn` is the column that lines of a value must be indented beyond; -1: none.

/** End of text, white space or a line end. */
export function isEmptyAt(text: string, at: number): boolean {
  const character = text[at];
  return character === undefined || character === ' ' || character === '\t' || character === '\n';
}

/** The offset of the next line end, or of the end of the text. */
export function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

/** `---` or `...`; only at the start of a line. */
export function isDocumentMarker(text: string, at: number): boolean {
  const marker = text.slice(at, at + 3);
  return (marker === '---' || marker === '...') && isEmptyAt(text, at + 3);
}

/** Where a value goes on after a line end; null: the next line with content does not belong to it. */
export function continuation(text: string, lineStart: number, parentColumn: number): number | null {
  let start = lineStart;
  for (;;) {
    let at = start;
    while (text[at] === ' ') at += 1;
    if (text[at] === undefined) return null;
    if (text[at] !== '\n') {
      if (at - start <= parentColumn) return null;
      return at === start && isDocumentMarker(text, at) ? null : at;
    }
    start = at + 1;
  }
}

/** A plain scalar outside brackets ends at `: `, ` #`, or a line that does not continue it. */
export function plainEnd(text: string, start: number, parentColumn: number): number {
  for (let at = start; ; at += 1) {
    const character = text[at];
    if (character === undefined) return at;
    if (character === ':' && isEmptyAt(text, at + 1)) return at;
    if ((character === ' ' || character === '\t') && text[at + 1] === '#') return at;
    if (character !== '\n') continue;
    const next = continuation(text, at + 1, parentColumn);
    if (next === null || text[next] === '#') return at;
    at = next - 1;
  }
}

/** Inside brackets a plain scalar is cut at white space: its further words count on their own. */
export function flowPlainEnd(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const character = text[at];
    if (character === undefined || ' \t\n,[]{}'.includes(character)) return at;
    if (character !== ':') continue;
    if (isEmptyAt(text, at + 1) || ',[]{}'.includes(text[at + 1]!)) return at;
  }
}

/** After the closing quote; null: there is none before a line that does not belong to the scalar. */
export function quotedEnd(text: string, start: number, parentColumn: number): number | null {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\' && quote === '"' && text[at + 1] !== '\n') at += 1;
    else if (character === quote) {
      if (quote === '"' || text[at + 1] !== "'") return at + 1;
      at += 1;
    } else if (character === '\n') {
      const next = continuation(text, at + 1, parentColumn);
      if (next === null) return null;
      at = next - 1;
    }
  }
  return null;
}
