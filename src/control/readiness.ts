import type {JobView} from '../runtime/job-view.ts';

/** Null: it is ready. */
export function whyNotReady(view: JobView): string | null {
  if (view.state !== 'RUNNING') return `the job is ${view.state}`;
  const {intervalMillis} = view.config;
  if (intervalMillis === null) return null;
  const {completed, savepoint} = view.checkpoints.latest;
  const newest = Math.max(
    view.stateTimes.RUNNING ?? view.started,
    ...[completed, savepoint].map((entry) =>
      entry === null ? 0 : entry.triggered + entry.durationMillis,
    ),
  );
  const age = view.now - newest;
  if (age <= 3 * intervalMillis) return null;
  return `no checkpoint for ${Math.round(age)} ms, with an interval of ${intervalMillis} ms`;
}
