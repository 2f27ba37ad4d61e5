/** What was claimed or marked, as it was then. */
export interface Reference {
  readonly kind: 'claim' | 'use';
  readonly path: string;
  readonly id: number;
  readonly lineage: string;
  /** Below the checkpoint's directory. */
  readonly own: ReadonlyMap<string, Buffer>;
  readonly shared: ReadonlyMap<string, Buffer>;
  /** Who asked for it takes it away. */
  removing: boolean;
}

/** A checkpoint has one claim, and a mark of each lineage. */
export function keyOf(kind: Reference['kind'], path: string, lineage: string): string {
  return kind === 'claim' ? `claim ${path}` : `use ${path} ${lineage}`;
}

/** The rules of live-claims.ts that keep it whole. */
export const RULES = {claim: 'L2', use: 'L3'} as const;
