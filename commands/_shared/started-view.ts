// A detached run that has begun, as text and as JSON.

import {escapeText, shellWord} from './text.ts';
import type {StartedJob} from '../../src/index.ts';
import type {Style} from './style.ts';

/** Fields of `JobStarted`. */
export function startedFields(started: StartedJob): Readonly<Record<string, unknown>> {
  return {
    job_id: started.jobId,
    name: started.name,
    generation: started.generation,
    pid: started.pid,
    decision: started.decision,
    reason: started.reason,
    restored_from: started.restoredFrom,
    logs: started.logs,
    listens: started.listens,
    token_file: started.tokenFile,
    warnings: started.warnings,
  };
}

/** Which run it is, where it is, what to do with it. */
export function startedLines(started: StartedJob, style: Style): string[] {
  const {name, reason, pid, logs, listens, tokenFile} = started;
  const lines = [
    `${style.bold(escapeText(name))}: ${escapeText(reason)}`,
    `  process ${pid}, log in ${escapeText(logs)}`,
  ];
  if (listens !== null) {
    lines.push(`  listening on ${listens}, with the token in ${escapeText(tokenFile ?? '')}`);
  }
  const word = shellWord(name);
  const next = ['status', 'logs', 'stop'].map((command) => `tidemark ${command} ${word}`);
  return [...lines, `${style.dim('next:')} ${next.join(' | ')}`];
}
