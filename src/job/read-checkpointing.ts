import {parseLocalPath} from './local-path.ts';
import {CHECKPOINTING_FIELDS, MIN_CHECKPOINT_MILLIS} from './job-fields.ts';
import type {CheckpointingSpec, OptionValue, OptionValues} from './job-spec.ts';
import {readFields} from './read-value.ts';
import type {ReadContext} from './read-scalar.ts';
import type {RuntimeSupport} from './runtime-support.ts';
import type {Place} from './source-text.ts';
import type {YamlMap} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';

/** `map` is the `checkpointing` section, or an empty one. Undefined: wrong (reported). */
export function readCheckpointing(
  map: YamlMap,
  support: RuntimeSupport,
  context: ReadContext,
): CheckpointingSpec | undefined {
  const values = readFields(map, CHECKPOINTING_FIELDS, 'checkpointing', context);
  if (values === undefined) return undefined;
  const directory = readDirectory(map, 'dir', values, context);
  const savepointDirectory = readDirectory(map, 'savepoint-dir', values, context);
  if (directory === undefined || directory === null || savepointDirectory === undefined) {
    return undefined;
  }
  const unaligned = values['unaligned'] as OptionValues | undefined;
  const spec: CheckpointingSpec = {
    intervalMillis: (values['interval'] as number | undefined) ?? null,
    mode: values['mode'] as CheckpointingSpec['mode'],
    timeoutMillis: values['timeout'] as number,
    minPauseMillis: values['min-pause'] as number,
    maxConcurrent: values['max-concurrent-checkpoints'] as number,
    tolerableFailed: values['tolerable-failed-checkpoints'] as number,
    numRetained: values['num-retained'] as number,
    externalizedRetention: values[
      'externalized-checkpoint-retention'
    ] as CheckpointingSpec['externalizedRetention'],
    unaligned: {
      enabled: unaligned?.['enabled'] === true,
      forced: unaligned?.['forced'] === true,
    },
    alignedTimeoutMillis: values['aligned-checkpoint-timeout'] as number,
    incremental: values['incremental'] === true,
    maxChain: values['max-chain'] as number,
    snapshotCompression: values['snapshot-compression'] as CheckpointingSpec['snapshotCompression'],
    directory,
    savepointDirectory,
  };
  checkTimes(spec, map, context);
  checkUnaligned(spec, map, context);
  warnWithoutIncremental(spec, map, context);
  checkSupport(spec, map, support, context);
  return spec;
}

/** `file:./state`, `file:///var/state`, `./state` → absolute; null: absent. */
function readDirectory(
  map: YamlMap,
  key: string,
  values: OptionValues,
  context: ReadContext,
): string | null | undefined {
  const text: OptionValue = values[key];
  if (typeof text !== 'string') return null;
  const parsed = parseLocalPath(text, context.directory, 'file:./state/checkpoints');
  if (parsed.kind === 'ok') return parsed.path;
  context.findings.error(
    'directory-invalid',
    valueOf(map, key) ?? map,
    `checkpointing.${key} ${parsed.message}`,
    parsed.suggestion,
  );
  return undefined;
}

function checkTimes(spec: CheckpointingSpec, map: YamlMap, context: ReadContext): void {
  const tooShort = (key: string, millis: number | null): void => {
    if (millis === null || millis >= MIN_CHECKPOINT_MILLIS) return;
    context.findings.error(
      'checkpoint-time-too-short',
      valueOf(map, key) ?? map,
      `checkpointing.${key} must be at least ${MIN_CHECKPOINT_MILLIS} ms`,
      key === 'interval' ? 'without periodic checkpoints: leave the key out' : null,
    );
  };
  tooShort('interval', spec.intervalMillis);
  tooShort('timeout', spec.timeoutMillis);
  if (spec.intervalMillis === null) {
    warnWithoutInterval(map, context);
    return;
  }
  if (spec.timeoutMillis < spec.intervalMillis) {
    context.findings.warning(
      'checkpoint-timeout',
      valueOf(map, 'timeout') ?? valueOf(map, 'interval') ?? map,
      'checkpointing.timeout is below the interval: a checkpoint is aborted before the next one is due',
      'meant so: leave it, as Flink does',
    );
  }
  if (spec.minPauseMillis > spec.intervalMillis) {
    context.findings.warning(
      'checkpoint-min-pause',
      valueOf(map, 'min-pause') ?? map,
      'checkpointing.min-pause is longer than the interval, and so it sets the pace',
      'make the interval as long',
    );
  }
  if (spec.minPauseMillis > 0 && spec.maxConcurrent > 1) {
    context.findings.error(
      'checkpoint-min-pause',
      valueOf(map, 'min-pause') ?? map,
      'checkpointing.min-pause leaves no room for more than one checkpoint at once: it begins when the last one is complete',
      'remove it, or max-concurrent-checkpoints',
    );
  }
}

/** Keys that only pace periodic checkpoints do nothing without them. */
function warnWithoutInterval(map: YamlMap, context: ReadContext): void {
  for (const key of ['min-pause', 'max-concurrent-checkpoints']) {
    const node = valueOf(map, key);
    if (node === null) continue;
    context.findings.warning(
      'checkpoint-no-interval',
      node,
      `checkpointing.${key} has no effect without an interval`,
      'add interval: 10s',
    );
  }
}

function checkUnaligned(spec: CheckpointingSpec, map: YamlMap, context: ReadContext): void {
  const place: Place = valueOf(map, 'unaligned') ?? map;
  const refuse = (message: string, suggestion: string): void =>
    context.findings.error('checkpoint-unaligned', place, message, suggestion);
  if (spec.unaligned.enabled && spec.mode === 'at-least-once') {
    refuse(
      'unaligned checkpoints need mode: exactly-once, because at-least-once never waits for a barrier',
      'remove it: nothing is aligned at-least-once',
    );
  }
  if (spec.unaligned.enabled && spec.maxConcurrent > 1) {
    refuse(
      'unaligned checkpoints need max-concurrent-checkpoints: 1, because a barrier overtakes the one before it',
      'set it to 1',
    );
  }
  if (spec.unaligned.forced && spec.unaligned.enabled) {
    context.findings.warning(
      'no-effect',
      place,
      'unaligned.forced lifts what Flink forbids for jobs with iterations; no job here has any, so it changes nothing',
      null,
    );
  }
  if (spec.unaligned.forced && !spec.unaligned.enabled) {
    refuse('unaligned.forced has no effect unless unaligned is enabled', 'remove forced');
  }
  if (spec.alignedTimeoutMillis > 0 && !spec.unaligned.enabled) {
    context.findings.error(
      'checkpoint-unaligned',
      valueOf(map, 'aligned-checkpoint-timeout') ?? map,
      'aligned-checkpoint-timeout has no effect unless unaligned is enabled',
      'remove it',
    );
  } else if (spec.alignedTimeoutMillis >= spec.timeoutMillis) {
    context.findings.warning(
      'checkpoint-unaligned',
      valueOf(map, 'aligned-checkpoint-timeout') ?? map,
      'aligned-checkpoint-timeout is not below checkpointing.timeout: a checkpoint is aborted before it turns unaligned',
      'make it shorter',
    );
  }
}

function warnWithoutIncremental(spec: CheckpointingSpec, map: YamlMap, context: ReadContext): void {
  const node = valueOf(map, 'max-chain');
  if (spec.incremental || node === null) return;
  context.findings.warning(
    'no-effect',
    node,
    'checkpointing.max-chain has no effect unless checkpoints are incremental',
    'add incremental: true, or remove it',
  );
}

function checkSupport(
  spec: CheckpointingSpec,
  map: YamlMap,
  support: RuntimeSupport,
  context: ReadContext,
): void {
  const refuse = (key: string, reason: string, suggestion: string): void =>
    context.findings.error(
      'not-supported',
      valueOf(map, key) ?? map,
      `checkpointing.${key}: ${reason}`,
      suggestion,
    );
  if (!support.snapshotCompressions.includes(spec.snapshotCompression)) {
    refuse(
      'snapshot-compression',
      `this Node has no ${spec.snapshotCompression}: it came with Node 22.15`,
      'write gzip or brotli, or use a newer Node',
    );
  }
}
