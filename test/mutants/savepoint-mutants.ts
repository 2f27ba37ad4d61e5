import type {Mutant} from './mutant.ts';

const coordinator = 'checkpoint/coordinator.js';
const attempt = 'storage/savepoint-attempt.js';
const write = 'savepoints/write-savepoint.js';
const reader = 'state/canonical/canonical-reader.js';

export const SAVEPOINT_MUTANTS: readonly Mutant[] = [
  {
    name: 'savepoint: the target is not synced after the rename',
    rows: 'sync of a savepoint',
    module: attempt,
    find: "await files.rename(this.directory, this.path);\n        failpoint('storage.savepoint.after-rename');\n        await syncAbove(files, parentOf(this.path), this.#made);",
    replace: 'await files.rename(this.directory, this.path);',
    prover: 'savepoint-crash-states',
  },
  {
    name: 'savepoint: one that was found is relied on before it is durable',
    rows: 'sync of a savepoint',
    module: attempt,
    find: 'await syncAbove(files, parentOf(path), new Set());',
    replace: '',
    prover: 'savepoint-crash-states',
  },
  {
    name: 'savepoint: what older generations left hidden stays',
    rows: 'savepoint',
    module: attempt,
    find: 'if (parsed.generation < generation)',
    replace: 'if (false)',
    prover: 'savepoint-crash-states',
  },
  {
    name: 'savepoint: a rename of which nobody knows stays visible',
    rows: 'savepoint, B45',
    module: attempt,
    find: 'if (mayBeThere)',
    replace: 'if (false)',
    prover: 'write-savepoint',
  },
  {
    name: 'savepoint: an empty directory of that name is replaced',
    rows: 'savepoint',
    module: attempt,
    find: 'if (await isThere(files, this.path)) {',
    replace: 'if (false) {',
    prover: 'write-savepoint',
  },
  {
    name: 'savepoint: of another checkpoint is taken for the own one',
    rows: 'savepoint',
    module: attempt,
    find: 'checkpointId === of.checkpointId',
    replace: 'true',
    prover: 'write-savepoint',
  },
  {
    name: 'savepoint: bytes go into it unchecked',
    rows: 'savepoint',
    module: write,
    find: 'for await (const chunk of reader.chunks())\n            await take(chunk);',
    replace:
      'for (let at = 0; at < reader.chunkCount; at++) await take(await reader.readChunk(at).catch(() => new Uint8Array(state.length)));',
    prover: 'write-savepoint',
  },
  {
    name: 'savepoint: what is still to be committed is copied along',
    rows: 'B14, B56',
    module: 'savepoints/savepoint-metadata.js',
    find: "kind !== 'committables'",
    replace: 'true',
    prover: 'write-savepoint',
  },
  {
    name: 'drain: periodic checkpoints go on',
    rows: 'C11, B16',
    module: coordinator,
    find: "if (state.drain !== 'none')",
    replace: 'if (false)',
    prover: 'coordinator',
  },
  {
    name: 'drain: begins beside what is pending',
    rows: 'C11',
    module: coordinator,
    find: "this.#state.drain === 'wanted' && pending.length === 0",
    replace: "this.#state.drain === 'wanted'",
    prover: 'coordinator',
  },
  {
    name: 'drain: requests are still served',
    rows: 'C11, H84',
    module: coordinator,
    find: "if (drain !== 'none' && purpose !== 'final') {",
    replace: 'if (false) {',
    prover: 'coordinator',
  },
  {
    name: 'canonical: a row of another key group is taken',
    rows: 'canonical state',
    module: reader,
    find: 'if (strange >= 0) {',
    replace: 'if (false) {',
    prover: 'canonical',
  },
  {
    name: 'canonical: keys out of order are taken',
    rows: 'canonical state',
    module: reader,
    find: 'Buffer.compare(previous, key) >= 0',
    replace: 'false',
    prover: 'canonical',
  },
  {
    name: 'canonical: a wide integer loses its flag',
    rows: 'canonical state',
    module: 'state/canonical/value-codec.js',
    find: '|= slot.wideMask;',
    replace: '|= 0;',
    prover: 'canonical',
  },
];
