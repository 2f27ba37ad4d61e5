// How an option of Flink is declared that no field of a job file stands for.

export interface RefusedOption {
  /** Whole keys; one that ends with `.*` stands for all keys below it. */
  readonly keys: readonly string[];
  /** Why it cannot be obeyed: a clause that follows the key. */
  readonly reason: string;
  /** What to do instead. */
  readonly instead: string;
  /** Values that say what is so here anyway: they are obeyed, and taken. In lower case. */
  readonly holds?: readonly string[] | undefined;
}

/** `false`, and nothing else, is what is so here. */
export const OFF: readonly string[] = ['false'];
