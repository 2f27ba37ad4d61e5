import type {Mutant} from './mutant.ts';

const check = 'inspection/flink/check-flink-directory.js';
const copy = 'inspection/flink/copy-flink-directory.js';
const cursor = 'inspection/flink/byte-cursor.js';
const decoder = 'inspection/flink/decode-flink-metadata.js';
const locate = 'inspection/flink/locate-file.js';
const plan = 'inspection/flink/plan-flink-copy.js';
const read = 'inspection/flink/read-flink-directory.js';
const rewrite = 'inspection/flink/rewrite-references.js';

export const FLINK_MUTANTS: readonly Mutant[] = [
  {
    name: 'flink: counts are not held against what is left',
    rows: 'H32',
    module: cursor,
    find: 'if (count < 0 || count > max) {',
    replace: 'if (count < 0) {',
    prover: 'flink-hostile',
  },
  {
    name: 'flink: handles may be nested without end',
    rows: 'H32',
    module: cursor,
    find: 'if (this.#depth >= this.#limits.depthMax) {',
    replace: 'if (false) {',
    prover: 'flink-hostile',
  },
  {
    name: 'flink: entries are not counted',
    rows: 'H32',
    module: cursor,
    find: 'if (this.#entries <= this.#limits.entriesMax)',
    replace: 'if (true)',
    prover: 'flink-mutate',
  },
  {
    name: 'flink: a block may end before its length',
    rows: 'H31',
    module: cursor,
    find: 'this.finish(`the end of ${what}`);',
    replace: 'this.#offset = this.#end;',
    prover: 'flink-hostile',
  },
  {
    name: 'flink: bytes after the end are not seen',
    rows: 'H30',
    module: decoder,
    find: '    cursor.finish();\n',
    replace: '',
    prover: 'flink-hostile',
  },
  {
    name: 'flink: a part of a name may be ..',
    rows: 'H34',
    module: locate,
    find: "if (part === '.' || part === '..')",
    replace: "if (part === '.')",
    prover: 'flink-leading-out',
  },
  {
    name: 'flink: a path that is mapped is not judged',
    rows: 'H34',
    module: locate,
    find: "return below(mapped.to, path.slice(mapped.from.length + 1).split('/'), 'mapped');",
    replace:
      "return { kind: 'here', path: join(mapped.to, path.slice(mapped.from.length + 1)), root: mapped.to, how: 'mapped' };",
    prover: 'flink-leading-out',
  },
  {
    name: 'flink: a path is looked for as it is written, wherever that is',
    rows: 'H34',
    module: locate,
    find: "if (path.startsWith(join(top, '')))",
    replace: 'if (true)',
    prover: 'flink-leading-out',
  },
  {
    name: 'flink: a directory beside that of the checkpoints counts as in it',
    rows: 'H34',
    module: locate,
    find: "if (path.startsWith(join(top, '')))",
    replace: 'if (path.startsWith(top))',
    prover: 'flink-leading-out',
  },
  {
    name: 'flink: a link above a file is followed',
    rows: 'H35',
    module: read,
    find: "if (status.kind !== 'directory')",
    replace: 'if (false)',
    prover: 'flink-verify',
  },
  {
    name: 'flink: two lengths of one file are not compared with it',
    rows: 'H30',
    module: check,
    find: 'const needed = lengths[0] ?? segmentsEnd;',
    replace: 'const needed = segmentsEnd;',
    prover: 'flink-verify',
  },
  {
    name: 'flink: a checkpoint that is deleted meanwhile is damaged',
    rows: 'H86',
    module: check,
    find: "const isGone = reading.kind === 'gone' || (await statusOrNull(options.files, path)) === null;",
    replace: "const isGone = reading.kind === 'gone';",
    prover: 'flink-verify',
  },
  {
    name: 'flink: damaged checkpoints are copied',
    rows: 'the copy is whole',
    module: plan,
    find: '    refuseDamaged(directory, read);\n',
    replace: '',
    prover: 'flink-copy',
  },
  {
    name: 'flink: a copy of merged files keeps the directories of the original',
    rows: 'the copy is self-contained',
    module: rewrite,
    find: '        if (merged === null)\n            continue;',
    replace: '        continue;',
    prover: 'flink-copy',
  },
  {
    name: 'flink: the directory of a copy is not synced',
    rows: 'sync of the copy',
    module: copy,
    find: '    await files.syncDirectory(directory);\n',
    replace: '',
    prover: 'flink-copy',
    sample: true,
  },
  {
    name: 'flink: the directory above a copy is not synced',
    rows: 'sync of the copy',
    module: copy,
    find: '            await files.syncDirectory(above);\n',
    replace: '',
    prover: 'flink-copy',
  },
  {
    name: 'flink: what was put where a copy goes meanwhile is not looked for',
    rows: 'H30 of the target',
    module: copy,
    find: 'throw isThere(target);\n            await files.rename',
    replace: 'await Promise.resolve();\n            await files.rename',
    prover: 'flink-copy',
  },
  {
    name: 'flink: a failed copy stays',
    rows: 'the copy is whole or absent',
    module: copy,
    find: 'await removeTree(files, isHidden ? hidden : target);',
    replace: '',
    prover: 'flink-copy',
  },
  {
    name: 'flink: a link that was put above a file since the plan is followed',
    rows: 'H36',
    module: copy,
    find: 'await requireDirectories(files, root, source);',
    replace: '',
    prover: 'flink-copy',
  },
];
