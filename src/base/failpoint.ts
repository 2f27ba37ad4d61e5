// Named places where a drill can stop the process. Off, a failpoint costs one property read; it can
// be armed only by the environment that the drill itself gives the process.

export type FailpointName =
  | 'storage.publish.before-metadata'
  | 'storage.publish.before-rename'
  | 'storage.publish.after-rename'
  | 'storage.delete.after-rename'
  | 'storage.savepoint.before-rename'
  | 'storage.savepoint.after-rename'
  | 'storage.claim.after-rename'
  | 'stop.before-savepoint'
  | 'stop.before-end'
  | 'storage.fence.after-link'
  | 'storage.fence.after-work'
  | 'sink.commit.before-link'
  | 'sink.commit.after-link'
  | 'recovery.before-record'
  | 'recovery.before-settle'
  | 'recovery.after-verify'
  | 'recovery.after-restore';

/** `TIDEMARK_FAILPOINT=name` or `name:3` (the third time it is passed), `name:1:stop` to be paused there. */
const armed = parse(process.env['TIDEMARK_FAILPOINT']);
let passed = 0;

/** Dies by SIGKILL, or is paused until SIGCONT, here when armed. */
export function failpoint(name: FailpointName): void {
  if (armed === null || armed.name !== name) return;
  passed += 1;
  if (passed === armed.count) process.kill(process.pid, armed.signal);
}

interface Armed {
  readonly name: string;
  readonly count: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

function parse(text: string | undefined): Armed | null {
  if (text === undefined || text === '') return null;
  const [name = '', count = '1', action = 'kill'] = text.split(':');
  return {name, count: Number(count), signal: action === 'stop' ? 'SIGSTOP' : 'SIGKILL'};
}
