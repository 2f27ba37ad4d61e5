/** 1-based, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text that nodes come from: the job file, or the value of one `-D` or `--set`. */
export class SourceText {
  readonly text: string;
  /** `--set checkpointing.interval`; null for the job file. */
  readonly label: string | null;
  readonly #lineStarts: number[] = [0];

  constructor(text: string, label: string | null) {
    this.text = text;
    this.label = label;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  /** Null when the text is not a file: there is no line to point at. */
  positionOf(offset: number): Position | null {
    if (this.label !== null) return null;
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return {line: low + 1, column: offset - this.#lineStarts[low]! + 1};
  }
}

/** A point in a source text that a finding can name. */
export interface Place {
  readonly origin: SourceText;
  /** UTF-16 offset. */
  readonly start: number;
}
