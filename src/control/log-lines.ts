// What a detached run writes into its log: `<instant> <level> <what>`, one line for each event, in which no text of a
// user can break a line or steer a terminal.

import type {RunEvent, RunSummary} from '../runtime/run-types.ts';

type Level = 'INFO' | 'WARN' | 'ERROR' | 'ROW';

export function logLine(at: number, level: Level, text: string): string {
  return `${new Date(at).toISOString()} ${level.padEnd(5)} ${escapeControl(text)}`;
}

/** Control characters, those that turn the direction of a line, and halves of a pair, as `\u001b`. */
export function escapeControl(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- they are what must not get through
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function eventLines(event: RunEvent): string[] {
  const line = (level: Level, text: string): string => logLine(event.at, level, text);
  switch (event.type) {
    case 'started': {
      const {jobName, jobId, generation, reason} = event;
      return [line('INFO', `job ${jobName} (${jobId}), generation ${generation}: ${reason}`)];
    }
    case 'listening':
      return [line('INFO', `listening on ${event.url}, with the token in ${event.tokenFile}`)];
    case 'progress': {
      const {recordsIn, recordsOut, recordsPerSecond, watermark} = event;
      const at = watermark === null ? 'none' : new Date(watermark).toISOString();
      return [
        line(
          'INFO',
          `${recordsIn} records in, ${recordsOut} out, ${recordsPerSecond}/s, watermark ${at}`,
        ),
      ];
    }
    case 'checkpoint': {
      const {kind, id, bytes, durationMillis, path} = event;
      return [line('INFO', `${kind} ${id}: ${bytes} bytes in ${durationMillis} ms: ${path}`)];
    }
    case 'checkpoint_failed':
      return [line('WARN', event.reason)];
    case 'restarting': {
      const {attempt, cause, restoredFrom} = event;
      const from = restoredFrom ?? 'the beginning';
      return [line('WARN', `restart ${attempt} from ${from}: ${cause}`)];
    }
    case 'row':
      return [line('ROW', `${event.sink} ${JSON.stringify(event.row, withBigInts)}`)];
    case 'warning':
      return [line('WARN', `${event.code}: ${event.message}`)];
    case 'summary':
      return summaryLines(event.at, event.summary);
  }
}

function summaryLines(at: number, summary: RunSummary): string[] {
  const {state, error, recordsIn, recordsOut, checkpoints, durationMillis} = summary;
  const ended = `${state} after ${durationMillis} ms: ${recordsIn} records in, ${recordsOut} out, ${checkpoints} checkpoints`;
  if (error === null) return [logLine(at, 'INFO', ended)];
  const hint = error.details.hint === undefined ? '' : `; next: ${error.details.hint}`;
  return [
    logLine(at, 'ERROR', `${error.code}: ${error.message}${hint}`),
    logLine(at, 'ERROR', ended),
  ];
}

/** A number while a reader's double can hold it, a text beyond, as everywhere in the output. */
function withBigInts(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
