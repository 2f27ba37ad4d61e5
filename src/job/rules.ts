// Every rule that `validate` may report, and how. The ids are stable: CI configurations and `lint: {off: …}`
// name them. Each has a page in src/explain/.

/**
 * `error`: the job does not run. `warning`: it runs, and `run` says so too. `both`: one or the other.
 * `advice`: a warning that `validate` gives and `run` does not.
 */
export type RuleSeverity = 'error' | 'warning' | 'both' | 'advice';

export const RULES = {
  // The file and its YAML.
  'file-missing': 'error',
  'file-unreadable': 'error',
  'file-too-large': 'error',
  'file-encoding': 'error',
  'file-nul': 'error',
  'file-control-character': 'error',
  'yaml-syntax': 'error',
  'yaml-tab': 'error',
  'yaml-too-deep': 'error',
  'yaml-too-many-keys': 'error',
  'yaml-too-many-lines': 'error',
  'yaml-too-many-nodes': 'error',
  'yaml-explicit-key': 'error',
  'yaml-key': 'error',
  'yaml-duplicate-key': 'error',
  'yaml-forbidden-key': 'error',
  'yaml-merge-key': 'error',
  'yaml-anchor': 'error',
  'yaml-alias': 'error',
  'yaml-tag': 'error',
  'yaml-directive': 'error',
  'yaml-documents': 'error',
  'yaml-text': 'error',
  'job-empty': 'error',
  'job-not-a-map': 'error',
  // Overrides and variables.
  'flink-key-unknown': 'error',
  'flink-key-refused': 'error',
  'flink-key-twice': 'error',
  'flink-key-unused': 'error',
  'flink-value-refused': 'error',
  'set-path': 'error',
  'variable-not-set': 'error',
  'variable-syntax': 'error',
  // Keys and values.
  'key-unknown': 'error',
  'key-missing': 'error',
  'key-invalid': 'error',
  'value-type': 'error',
  'value-invalid': 'error',
  'value-missing': 'error',
  'option-invalid': 'error',
  'expression-invalid': 'error',
  'not-supported': 'error',
  'no-effect': 'warning',
  'more-findings': 'both',
  // Names and the graph.
  'job-name-invalid': 'error',
  'uid-invalid': 'error',
  'name-duplicate': 'error',
  'no-sources': 'error',
  'no-sinks': 'error',
  'connector-unknown': 'error',
  'step-type-unknown': 'error',
  'step-id-missing': 'error',
  'input-unknown': 'error',
  'input-repeated': 'error',
  'graph-cycle': 'error',
  'source-unused': 'warning',
  'step-unused': 'warning',
  'column-unknown': 'error',
  'schema-invalid': 'error',
  'schema-type': 'error',
  'schema-time-format': 'error',
  'watermark-column': 'error',
  'endless-at-end': 'error',
  'endless-sink-without-interval': 'error',
  // Checkpoints, restarts, threads.
  'checkpoint-time-too-short': 'error',
  'checkpoint-timeout': 'warning',
  'checkpoint-min-pause': 'both',
  'checkpoint-no-interval': 'warning',
  'checkpoint-unaligned': 'both',
  'directory-invalid': 'error',
  'restart-backoff': 'error',
  'max-parallelism': 'error',
  heartbeat: 'error',
  // Advice.
  'short-interval': 'advice',
  'no-min-pause': 'advice',
  'short-timeout': 'advice',
  'one-checkpoint-retained': 'advice',
  'at-least-once-sink': 'advice',
  'unbounded-state': 'advice',
  'short-ttl': 'advice',
  'large-heap-state': 'advice',
  'volatile-directory': 'advice',
  'uneven-key-groups': 'advice',
} as const satisfies Record<string, RuleSeverity>;

export type RuleId = keyof typeof RULES;
type RuleOf<S extends RuleSeverity> = {
  [Id in RuleId]: (typeof RULES)[Id] extends S ? Id : never;
}[RuleId];
export type ErrorRule = RuleOf<'error' | 'both'>;
export type WarningRule = RuleOf<'warning' | 'both' | 'advice'>;

export function isRule(text: string): text is RuleId {
  return Object.hasOwn(RULES, text);
}

/** An error cannot be switched off; what is a warning at times can, as a warning. */
export function canBeSwitchedOff(rule: RuleId): boolean {
  return RULES[rule] !== 'error';
}
