import type {Mutant} from './mutant.ts';

const cached = 'state/rocksdb/cached-table.js';
const mailboxStore = 'state/rocksdb/mailbox-store.js';
const staging = 'state/rocksdb/stage-checkpoint.js';
const upload = 'state/rocksdb/upload-files.js';

/** What large state costs, what it leaves behind, and damage that nobody reads. */
export const LARGE_STATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'rocksdb: what a dead deployment left of a step that is gone stays for ever',
    rows: 'local directories',
    module: 'state/rocksdb/local-directory.js',
    find: 'of directories)',
    replace: 'of [chosen])',
    prover: 'local-directory',
  },
  {
    name: 'rocksdb: a subtask removes the live databases of its neighbours',
    rows: 'local directories',
    module: 'state/rocksdb/local-directory.js',
    find: 'theirs < generation',
    replace: 'theirs <= generation',
    prover: 'local-directory',
  },
  {
    name: 'rocksdb: the notification of the answer before passes for one',
    rows: 'a thread on a busy machine',
    module: mailboxStore,
    find: 'if (state !== WAITING)\n                return state;',
    replace: 'return state;',
    prover: 'mailbox-store',
  },
  {
    name: 'rocksdb: a scan gives up while the writes before it get on',
    rows: 'a store that does not keep up',
    module: mailboxStore,
    find: 'this.settle(this.#ticket);',
    replace: ';',
    prover: 'mailbox-store',
  },
  {
    name: 'rocksdb: each scan of a namespace that goes steps over all that it deleted',
    rows: 'cost grows with the rows, not their square',
    module: cached,
    find: 'from = keys.item(keys.count - 1).slice();',
    replace: ';',
    prover: 'cached-table',
  },
  {
    name: 'rocksdb: each scan of changed keys steps over all that were told',
    rows: 'cost grows with the rows, not their square',
    module: cached,
    find: 'from = keys.item(count - 1).slice();\n            for (let at',
    replace: 'for (let at',
    prover: 'cached-table',
  },
  {
    name: 'rocksdb: a checkpoint takes a damaged file of the live database as it is',
    rows: 'H49',
    module: upload,
    find: 'digests.check(',
    replace: 'void (',
    prover: 'rocksdb-incremental',
  },
  {
    name: 'rocksdb: nobody knows what the files of a restored database were',
    rows: 'H49',
    module: 'state/rocksdb/rocksdb-backend.js',
    find: 'this.#adopted?.files ?? []',
    replace: '[]',
    prover: 'rocksdb-incremental',
  },
  {
    name: 'rocksdb: the checksums of a MANIFEST are not looked at',
    rows: 'H49',
    module: 'state/rocksdb/read-manifest.js',
    find: '!== uint32At(bytes, at)',
    replace: '=== -1',
    prover: 'stage-checkpoint',
  },
  {
    name: 'rocksdb: a MANIFEST that ends within an edit is copied up to it',
    rows: 'H49',
    module: staging,
    find: 'if (isTorn || !isBegun)',
    replace: 'if (false)',
    prover: 'stage-checkpoint',
  },
  {
    name: 'shared: a file that is damaged is taken for the bytes that a checkpoint brings',
    rows: 'what was reported complete is restorable',
    module: 'storage/shared-directory.js',
    find: 'if (!(await this.#isWhole(file)))\n                return false;',
    replace: ';',
    prover: 'shared-obstacles',
  },
  {
    name: 'shared: of what is there only the length is looked at',
    rows: 'what was reported complete is restorable',
    module: 'storage/shared-directory.js',
    find: 'return findings.length === 0 && unreadable === null;',
    replace: 'return true;',
    prover: 'shared-obstacles',
  },
  {
    name: 'rocksdb: two files are copied through the same buffers',
    rows: 'own bytes in shared/',
    module: 'state/copy-state-file.js',
    find: 'spare.pop()',
    replace: 'spare[0]',
    prover: 'copy-state-file',
  },
  {
    name: 'rocksdb: each file is copied through buffers of its own',
    rows: 'P19, buffers',
    module: 'state/copy-state-file.js',
    find: 'spare.push(',
    replace: '[].concat(',
    prover: 'copy-state-file',
  },
];
