/**
 * Ends the parsing or checking of one expression. Never leaves the room: the door turns it into a
 * finding, which is data.
 */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** UTF-16 offset into the expression's text. */
  readonly offset: number;
  readonly suggestion: string | undefined;

  constructor(message: string, offset: number, suggestion?: string) {
    super(message);
    this.offset = offset;
    this.suggestion = suggestion;
  }
}
