// A page of `tidemark explain`: for someone who has a code and a message in front of him, and wants to know
// what it is about before he changes anything.

export interface Page {
  /** What happened, a sentence. */
  readonly what: string;
  /** Why it is so, and why it is not done otherwise. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
  /** A line or some, as they would be typed or written. */
  readonly example: string;
}
