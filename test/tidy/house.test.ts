// The house's own rules: the tree keeps them, and each of them is seen to fail when it is broken. A copy
// of the tree is broken in every way at once; each check must find its own and nothing else.

import {cp, mkdtemp, mkdir, readFile, realpath, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {execa} from 'execa';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function check(script: 'check-imports' | 'check-tidy', root: string): Promise<string[]> {
  const result = await execa(process.execPath, [`scripts/${script}.js`, '--root', root], {
    cwd: ROOT,
    reject: false,
  });
  const sentences = result.stderr.split('\n').filter((line) => line !== '');
  expect(result.exitCode).toBe(sentences.length === 0 ? 0 : 1);
  return sentences;
}

test('the tree is tidy', async () => {
  expect(await check('check-tidy', ROOT)).toEqual([]);
});

interface Plant {
  readonly rule: string;
  readonly files: Readonly<Record<string, string>>;
  /** What the sentence says: where, and what to do. */
  readonly finding: RegExp;
}

const use = (from: string): string => `import {x} from '${from}';\nexport const y = x;\n`;
const useType = (from: string): string => `import type {x} from '${from}';\nexport type y = x;\n`;

const IMPORT_PLANTS: readonly Plant[] = [
  {
    rule: 'a room imports what its row does not list',
    files: {'src/records/planted.ts': use('../storage/file-system.ts')},
    finding:
      /^src\/records\/planted\.ts -> src\/storage\/.*may import records, base.*\[room-records\]$/,
  },
  {
    rule: 'a type import counts too',
    files: {'src/checkpoint/planted.ts': useType('../storage/file-system.ts')},
    finding: /^src\/checkpoint\/planted\.ts -> .*\[room-checkpoint\]$/,
  },
  {
    rule: 'base imports nothing of the engine',
    files: {'src/base/planted.ts': use('../records/schema.ts')},
    finding: /^src\/base\/planted\.ts -> .*may import base.*\[room-base\]$/,
  },
  {
    rule: 'a room imports the door',
    files: {'src/job/planted-door.ts': use('../index.ts')},
    finding: /^src\/job\/planted-door\.ts -> src\/index\.ts.*\[room-job\]$/,
  },
  {
    rule: 'a command reaches past the door',
    files: {'commands/planted.ts': use('../src/job/job-spec.ts')},
    finding:
      /^commands\/planted\.ts -> src\/job\/.*src\/index\.ts only.*\[commands-use-the-door\]$/,
  },
  {
    rule: 'a command imports another command',
    files: {'commands/planted-twin.ts': use('./run.ts')},
    finding: /^commands\/planted-twin\.ts -> commands\/run\.ts.*\[commands-share-through-shared\]$/,
  },
  {
    rule: 'the engine imports a command',
    files: {'src/metrics/planted.ts': use('../../commands/_shared/units.ts')},
    finding: /^src\/metrics\/planted\.ts -> commands\/.*\[the-engine-knows-no-commands\]$/,
  },
  {
    rule: 'a cycle',
    files: {
      'src/records/planted-left.ts': use('./planted-right.ts'),
      'src/records/planted-right.ts': use('./planted-left.ts'),
    },
    finding: /^src\/records\/planted-(left|right)\.ts -> .*a cycle.*\[no-cycle\]$/,
  },
  {
    rule: 'an orphan',
    files: {'src/records/planted-orphan.ts': 'export const nobody = 1;\n'},
    finding: /^src\/records\/planted-orphan\.ts: .*use it or delete it.*\[no-orphan\]$/,
  },
  ...(
    [
      ['oclif outside commands/', '@oclif/core', 'only-commands-know-oclif'],
      ['styling outside commands/_shared/', 'chalk', 'only-shared-commands-style'],
      ['files outside storage/', 'node:fs', 'only-storage-touches-files'],
      ['file promises outside storage/', 'node:fs/promises', 'only-storage-touches-files'],
      ['threads outside runtime/', 'node:worker_threads', 'only-runtime-starts-threads'],
      ['processes outside control/', 'node:child_process', 'only-control-starts-processes'],
      ['timers outside base/', 'node:timers/promises', 'only-base-knows-time'],
      ['yaml outside job/', 'yaml', 'only-job-reads-yaml'],
      ['a development dependency', 'fast-check', 'no-dev-dependency'],
      ['a module that is not there', './nowhere.ts', 'no-missing-module'],
    ] as const
  ).map(([rule, module, name], index) => ({
    rule,
    files: {[`src/metrics/planted-${index}.ts`]: use(module)},
    finding: new RegExp(`^src/metrics/planted-${index}\\.ts -> .*\\[${name}\\]$`),
  })),
];

const TIDY_PLANTS: readonly Plant[] = [
  {
    rule: 'a hint with a path that is not quoted',
    files: {
      'src/storage/planted-hint.ts':
        'export const hint = (at: {path: string}) => `see: tidemark checkpoint verify ${at.path}`;\n',
    },
    finding: /^src\/storage\/planted-hint\.ts:1: .*put it through shellWord\(\)/,
  },
  {
    rule: 'a file of 600 lines',
    files: {'src/records/planted-long.ts': 'export {};\n'.repeat(600)},
    finding: /^src\/records\/planted-long\.ts has 600 lines: split it/,
  },
  ...(
    [
      ['Date.now()', 'src/metrics/planted-now.ts'],
      ['Math.random()', 'src/state/planted-random.ts'],
      ['performance.now()', 'src/operators/planted-performance.ts'],
      ['setTimeout(() => undefined, 1)', 'src/checkpoint/planted-timer.ts'],
      ['globalThis.setInterval(() => undefined, 1)', 'commands/planted-interval.ts'],
      ['new Date()', 'src/job/planted-date.ts'],
      ['randomUUID()', 'src/storage/planted-uuid.ts'],
    ] as const
  ).map(([expression, path]) => ({
    rule: `${expression} outside base/`,
    files: {
      [path]: `// ${expression} in a comment is no finding.\nexport const x = ${expression};\n`,
    },
    finding: new RegExp(`^${path}:2: .*outside src/base/: take a `),
  })),
  {
    rule: 'new Function outside codegen/',
    files: {'src/operators/planted-code.ts': "export const f = new Function('return 1');\n"},
    finding: /^src\/operators\/planted-code\.ts:1: new Function outside src\/codegen\/: /,
  },
  {
    rule: 'eval',
    files: {'src/job/planted-eval.ts': "export const f: unknown = eval('1');\n"},
    finding: /^src\/job\/planted-eval\.ts:1: eval outside src\/codegen\/: /,
  },
  ...(['FIX' + 'ME', 'TO' + 'DO'] as const).map((word) => ({
    rule: `a leftover ${word}`,
    files: {[`src/records/planted-${word.toLowerCase()}.ts`]: `export {};\n// ${word}: later\n`},
    finding: new RegExp(`^src/records/planted-${word.toLowerCase()}\\.ts:2: a leftover ${word}: `),
  })),
  ...(['test.only', 'describe.skip', 'it.concurrent.only'] as const).map((call, index) => ({
    rule: `${call} in a test`,
    files: {[`test/planted-${index}.test.ts`]: `${call}('a', () => undefined);\n`},
    finding: new RegExp(`^test/planted-${index}\\.test\\.ts:1: ${call} switches tests off: `),
  })),
  {
    rule: 'a room without a row',
    files: {'src/attic/planted.ts': 'export {};\n'},
    finding: /^src\/attic\/ is not in the table of src\/README\.md: add its row/,
  },
  {
    rule: 'a file outside the rooms',
    files: {'src/planted.ts': 'export {};\n'},
    finding: /^src\/planted\.ts belongs to no room: move it into one/,
  },
];

describe('a broken copy of the tree', () => {
  let copy: string;
  let importFindings: readonly string[];
  let tidyFindings: readonly string[];

  beforeAll(async () => {
    copy = await realpath(await mkdtemp(join(tmpdir(), 'tidemark-tidy-')));
    for (const name of ['src', 'commands', 'bin', 'package.json', 'tsconfig.json']) {
      await cp(join(ROOT, name), join(copy, name), {recursive: true});
    }
    await symlink(await realpath(join(ROOT, 'node_modules')), join(copy, 'node_modules'));
    await plant(IMPORT_PLANTS);
    importFindings = await check('check-imports', copy);
    await plant(TIDY_PLANTS);
    const table = join(copy, 'src/README.md');
    await writeFile(table, `${await readFile(table, 'utf8')}\n| cellar | nothing | – |\n`);
    tidyFindings = await check('check-tidy', copy);
  });

  afterAll(async () => {
    await rm(copy, {recursive: true, force: true});
  });

  async function plant(plants: readonly Plant[]): Promise<void> {
    for (const {files} of plants) {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(copy, path)), {recursive: true});
        await writeFile(join(copy, path), text);
      }
    }
  }

  test.each(IMPORT_PLANTS)('imports: $rule is found', ({finding}) => {
    expect(importFindings.filter((sentence) => finding.test(sentence))).not.toEqual([]);
  });

  test.each(TIDY_PLANTS)('tidy: $rule is found', ({finding}) => {
    expect(tidyFindings.filter((sentence) => finding.test(sentence))).toHaveLength(1);
  });

  test('tidy: a row without a room is found', () => {
    expect(tidyFindings).toContainEqual(
      expect.stringMatching(/has a row for cellar, but src\/cellar\/ is not there/),
    );
  });

  // What is planted takes no finding away: the tree itself keeps the rules.
  test('only what was planted is found', () => {
    const plants = [...IMPORT_PLANTS, ...TIDY_PLANTS].map(({finding}) => finding);
    const others = [...importFindings, ...tidyFindings].filter(
      (sentence) => !/planted|cellar/.test(sentence) && !plants.some((p) => p.test(sentence)),
    );
    expect(others).toEqual([]);
  });
});
