/** As `checkpoint list --json` prints it. */
export interface CheckpointItem {
  /** Null: neither `_metadata` nor the name of the directory says it. */
  readonly id: number | null;
  readonly kind: 'checkpoint' | 'savepoint';
  readonly state: 'complete' | 'incomplete' | 'damaged' | 'in-progress' | 'aborted' | 'foreign';
  readonly path: string;
  /** Who wrote it; Flink's is never restored from here. */
  readonly format: 'tidemark' | 'flink';
  /** Null: not known. */
  readonly format_version: string | null;
  /** RFC 3339, UTC; null: not known. */
  readonly created: string | null;
  /** From its trigger to its completion; null: not known. */
  readonly duration_ms: number | null;
  readonly bytes: number;
  readonly own_bytes: number;
  readonly shared_bytes: number;
  readonly generation: number | null;
  readonly job_name: string | null;
  readonly unaligned: boolean | null;
  readonly incremental: boolean | null;
  /** The newest complete one of its job: what a resume or restore would choose. */
  readonly newest_restorable: boolean;
  /** Retention and prune keep it. */
  readonly held: boolean;
}
