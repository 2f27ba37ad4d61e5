// Holds the table of src/README.md over the imports of src/, commands/ and bin/: one rule per room, and
// rules for what only some rooms may touch. Every finding says what to do.
//   node scripts/check-imports.js [--root DIR]
import {join, resolve} from 'node:path';
import {cruise} from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import {ROOT_FILES, readRoomTable} from './room-table.js';

const COMPOSITION_ROOTS = ROOT_FILES.filter((file) => file !== 'index.ts');

/** A module that only some places may import; paths are regular expressions over the file's path. */
const RESERVED = [
  {
    name: 'only-commands-know-oclif',
    module: '(^|/)node_modules/@oclif/|^@oclif/',
    places: ['commands/', 'bin/'],
    instead: 'put what parses or prints into commands/',
  },
  {
    name: 'only-shared-commands-style',
    module: '(^|/node_modules/|^node_modules/)(chalk|cli-table3|inquirer)(/|$)',
    places: ['commands/_shared/'],
    instead: 'use commands/_shared/style.ts or prompt.ts',
  },
  {
    name: 'only-storage-touches-files',
    module: '^(node:)?fs(/promises)?$',
    places: ['src/storage/', 'src/control/', 'bin/'],
    instead: 'take a FileSystem (src/storage/file-system.ts)',
  },
  {
    name: 'only-runtime-starts-threads',
    module: '^(node:)?worker_threads$',
    places: ['src/runtime/', 'src/channels/', ...ROOT_FILES.map((file) => `src/${file}`)],
    instead: 'take a WorkerPool (src/base/worker-pool.ts)',
  },
  {
    name: 'only-control-starts-processes',
    module: '^(node:)?child_process$',
    places: ['src/control/', 'src/drills/'],
    instead: 'nothing else starts processes',
  },
  {
    name: 'only-base-knows-time',
    module: '^(node:)?(timers(/promises)?|perf_hooks)$',
    places: ['src/base/'],
    instead: 'take a Clock or Timers (src/base/clock.ts)',
  },
  {
    name: 'only-job-reads-yaml',
    module: '(^|/node_modules/|^node_modules/)yaml(/|$)',
    places: ['src/job/'],
    instead: 'let src/job/ read it',
  },
  {
    name: 'only-the-rocksdb-backend-knows-its-binding',
    module: '(^|/node_modules/|^node_modules/)rocksdb-native(/|$)',
    places: ['src/state/rocksdb/database.ts'],
    instead: 'take a RowStore (src/state/rocksdb/row-store.ts)',
  },
];

/** The rules, from the table; exported for the picture: `--output-type dot`. */
function rulesOf(rooms) {
  return [
    ...rooms.map(roomRule),
    ...RESERVED.map(({name, module, places, instead}) => ({
      name,
      comment: `allowed in ${places.join(', ')} only: ${instead}`,
      severity: 'error',
      from: {pathNot: places.map((place) => `^${escape(place)}`)},
      to: {path: module},
    })),
    {
      name: 'commands-use-the-door',
      comment: 'commands/ may import src/index.ts only: export what is needed there',
      severity: 'error',
      from: {path: '^commands/'},
      to: {path: '^src/', pathNot: '^src/index\\.ts$'},
    },
    {
      name: 'commands-share-through-shared',
      comment: 'a command may import commands/_shared/ only: move what two commands need there',
      severity: 'error',
      from: {path: '^commands/'},
      to: {path: '^commands/', pathNot: '^commands/_shared/'},
    },
    {
      name: 'the-engine-knows-no-commands',
      comment: 'src/ may not import commands/ or bin/: return data and let the command print it',
      severity: 'error',
      from: {path: '^src/'},
      to: {path: '^(commands|bin)/'},
    },
    {
      name: 'composition-roots-are-entries',
      comment: 'may not import the door: it stands above the composition roots',
      severity: 'error',
      from: {path: `^src/(${COMPOSITION_ROOTS.map(escape).join('|')})$`},
      to: {path: '^src/index\\.ts$'},
    },
    {
      name: 'no-cycle',
      comment: 'a cycle: move what both need into a third file',
      severity: 'error',
      from: {},
      to: {circular: true},
    },
    {
      name: 'no-orphan',
      comment: 'nothing imports it and it imports nothing: use it or delete it',
      severity: 'error',
      from: {orphan: true, pathNot: ['^bin/', '\\.d\\.ts$']},
      to: {},
    },
    {
      name: 'no-dev-dependency',
      comment:
        'a development dependency is not there in an installed package: add it to dependencies',
      severity: 'error',
      from: {path: '^(src|commands|bin)/'},
      to: {dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only']},
    },
    {
      name: 'no-missing-module',
      comment: 'cannot be found: mend the path or install the package',
      severity: 'error',
      from: {},
      to: {couldNotResolve: true},
    },
  ];
}

function roomRule({room, mayImport}) {
  const allowed = [room, ...(room === 'base' ? [] : ['base']), ...mayImport];
  return {
    name: `room-${room}`,
    comment: `src/${room}/ may import ${[...new Set(allowed)].join(', ')}: move the code, or change the table in src/README.md with a reason`,
    severity: 'error',
    from: {path: `^src/${escape(room)}/`},
    to: {path: '^src/', pathNot: allowed.map(placeOf)},
  };
}

/** A room, or a composition root that a row names with its ending. */
function placeOf(name) {
  return name.endsWith('.ts') ? `^src/${escape(name)}$` : `^src/${escape(name)}/`;
}

function escape(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** One sentence for each violation. */
async function findViolations(root) {
  const {output} = await cruise(
    ['src', 'commands', 'bin'],
    {
      baseDir: root,
      validate: true,
      ruleSet: {forbidden: rulesOf(readRoomTable(root))},
      tsPreCompilationDeps: true,
      doNotFollow: {path: ['node_modules', '^dist/']},
      exclude: {path: '^dist/'},
      enhancedResolveOptions: {
        exportsFields: ['exports'],
        conditionNames: ['import', 'require', 'node'],
      },
    },
    undefined,
    {
      tsConfig:
        extractTSConfig.default?.(join(root, 'tsconfig.json')) ??
        extractTSConfig(join(root, 'tsconfig.json')),
    },
  );
  return output.summary.violations.map((violation) => {
    const way =
      violation.cycle === undefined
        ? violation.to
        : violation.cycle.map(({name}) => name).join(' -> ');
    const target = violation.from === way || way === undefined ? '' : ` -> ${way}`;
    const comment = output.summary.ruleSetUsed.forbidden.find(
      ({name}) => name === violation.rule.name,
    )?.comment;
    return `${violation.from}${target}: ${comment ?? ''} [${violation.rule.name}]`;
  });
}

const rootFlag = process.argv.indexOf('--root');
const root = resolve(
  rootFlag === -1 ? new URL('..', import.meta.url).pathname : process.argv[rootFlag + 1],
);
const violations = await findViolations(root);
for (const sentence of violations) console.error(sentence);
process.exitCode = violations.length === 0 ? 0 : 1;
