// Every command that reads one checkpoint, in this process: which error each ends with.

import {
  copyCheckpoint,
  diffCheckpoints,
  EngineError,
  exportCheckpoint,
  findingsError,
  getState,
  inspectCheckpoint,
  scanState,
} from '#src/index.js';

const environment = {};
const all = {limit: null, ttlMillis: null};

/** Null: it found nothing wrong. `other`: a whole one; `to`: where `copy` and `export` are to write. */
export async function endingsOfReaders(
  checkpoint: string,
  other: string,
  to: string,
): Promise<ReadonlyMap<string, EngineError | null>> {
  const readers: Readonly<Record<string, () => Promise<unknown>>> = {
    inspect: async () => inspect(checkpoint),
    diff: async () => diffCheckpoints(other, checkpoint, {environment, rowsMax: 1}),
    copy: async () => copyCheckpoint(checkpoint, to, {environment, selfContained: true}),
    export: async () =>
      exportCheckpoint(
        checkpoint,
        {to, format: 'ndjson', abort: new AbortController().signal},
        {environment},
      ),
    scan: async () => allOf(scanState(checkpoint, all, {environment})),
    get: async () => allOf(getState(checkpoint, {ttlMillis: null, keyText: 'u1'}, {environment})),
  };
  const endings = new Map<string, EngineError | null>();
  for (const [name, read] of Object.entries(readers)) {
    const ending = await read().then(
      () => null,
      (error: unknown) => error,
    );
    if (ending !== null && !(ending instanceof EngineError)) throw ending as Error;
    endings.set(name, ending);
  }
  return endings;
}

/** What can be read of a damaged one is told, and the exit status is that of its findings. */
async function inspect(checkpoint: string): Promise<void> {
  const {details} = await inspectCheckpoint(checkpoint, {
    environment,
    job: null,
    describePositions: true,
  });
  const code = await findingsError(details.findings);
  const [finding] = details.findings;
  if (code === null || finding === undefined) return;
  throw new EngineError(code, finding.message, {hint: 'it is told with its findings'});
}

async function allOf(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows) continue;
}
