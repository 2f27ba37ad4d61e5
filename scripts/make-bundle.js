// The start-up bundle, dist/start/tidemark.cjs: oclif, commands/ and the part of the door that is loaded
// at once; and dist/start/src/: the engine, what it imports and its threads in a few files, because
// finding and reading two hundred modules one by one is most of a short command's time.
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {pathToFileURL} from 'node:url';
import {Config} from '@oclif/core';
import {build} from 'esbuild';

/** All of src/ that may be in the first bundle; more would be there twice, and worker threads would not be found. */
const BUNDLED_SOURCES =
  /^src\/(index\.ts|checkpoint-door\.ts|base\/[^/]+\.ts|job\/(duration|local-path)\.ts)$/;

/** The imports that leave the bundle; bin/load-bundle.js hands in what does them. */
const OUTSIDE_IMPORT = /\bimport\((?="(?:\.\/src\/|inquirer"))/g;

/** @returns {Promise<string | null>} what is in the way */
export async function makeBundle(root) {
  const asked = new Set();
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const outfile = join(root, 'dist/start/tidemark.cjs');
  const {metafile, outputFiles} = await build({
    stdin: {contents: await entryText(root, pjson), resolveDir: root, sourcefile: 'start.js'},
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    minifyIdentifiers: true,
    minifyWhitespace: true,
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'error',
    // inquirer is for a person at a terminal, who can wait; typescript is oclif's, for plugins in TypeScript.
    external: ['inquirer', 'typescript'],
    plugins: [keepEngineOutside(root, asked)],
  });
  const strangers = Object.keys(metafile.inputs).filter(
    (path) => path.startsWith('src/') && !BUNDLED_SOURCES.test(path),
  );
  if (strangers.length > 0) {
    return `src/index.ts imports ${strangers.join(', ')} at once: import it inside the function that needs it`;
  }
  await bundleEngine(root, asked);
  const made = new Set([...ENGINE_GROUPS.flat(), ...SINGLE_FILES].map((file) => `src/${file}`));
  const missing = [...asked].filter((file) => !made.has(file));
  if (missing.length > 0) {
    return `${missing.join(', ')}: imported when it is asked, and no entry of the bundle: name it in scripts/make-bundle.js, or import it in a file that is one`;
  }
  writeFileSync(outfile, outputFiles[0].text.replace(OUTSIDE_IMPORT, 'importModule('));
  return null;
}

/**
 * What the door imports when it is asked, and the threads. Files of one group share what they have in common, in
 * files between them; a group has its own copy of what another has too: the fewer files a command needs, the
 * sooner it begins. What starts threads or processes is in the first group: it looks for them beside itself.
 */
const ENGINE_GROUPS = [
  [
    'engine.ts',
    'control/start-detached.ts',
    'detached-entry.ts',
    'task-entry.ts',
    'writer-entry.ts',
    'store-entry.ts',
    'check-entry.ts',
    'reports/diff-report.ts',
    'reports/state-reports.ts',
    'reports/verify-report.ts',
  ],
  ['reports/job-reports.ts', 'reports/source-positions.ts'],
  ['reports/prune-report.ts'],
  ['reports/copy-report.ts'],
  ['reports/flink-reports.ts'],
  [
    'control/job-client.ts',
    'control/await-job.ts',
    'control/known-jobs.ts',
    'control/job-logs.ts',
    'control/hold-checkpoint.ts',
  ],
  ['inspection/resolve-for-job.ts'],
  ['inspection/write-report.ts'],
  ['catalog.ts', 'job/job-schema.ts'],
  ['job/flink-options.ts'],
  ['explain/find-page.ts'],
  ['reports/config-report.ts'],
  ['reports/doctor-report.ts'],
  ['reports/output-schema.ts'],
  ['templates/write-template.ts'],
];

/** Each is one file: what it imports when it is asked is another's. */
const SINGLE_FILES = [
  'reports/resolve-report.ts',
  'reports/list-report.ts',
  'reports/inspect-report.ts',
];

async function bundleEngine(root, asked) {
  for (const files of ENGINE_GROUPS) await bundleGroup(root, files);
  for (const file of SINGLE_FILES) {
    await bundleGroup(root, [file], [importWhenAsked(root, file, asked)]);
  }
}

async function bundleGroup(root, files, plugins = []) {
  await build({
    plugins,
    entryPoints: files.map((file) => join(root, 'src', file)),
    outbase: join(root, 'src'),
    outdir: join(root, 'dist/start/src'),
    // Beside the entries: the engine finds its threads beside itself.
    chunkNames: 'shared-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    keepNames: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    // A native addon that finds its own files; loaded at the first use, when it is installed.
    external: ['rocksdb-native', 'hyparquet-writer'],
    // Of which only one hash is needed: what node would load has all of them in one piece.
    alias: {'hash-wasm': 'hash-wasm/dist/index.esm.js'},
    // CommonJS packages in an ES module still ask for Node's own modules by `require`.
    banner: {
      js: "import {createRequire as __createRequire} from 'node:module';const require=__createRequire(import.meta.url);",
    },
  });
}

/** What oclif would find out by loading every command is written into the bundle. */
async function entryText(root, pjson) {
  const config = await Config.load(pathToFileURL(join(root, 'package.json')).href);
  const commands = config.commands.map((command) => {
    const file = `./commands/${command.id.replaceAll(':', '/')}.ts`;
    return `{description: ${JSON.stringify(command)}, load: async () => (await import('${file}')).default}`;
  });
  const needed = {name: pjson.name, version: pjson.version, description: pjson.description};
  return `
    import {bundledOptions} from './commands/_shared/bundled-plugin.ts';
    import {main} from './commands/_shared/main.ts';
    const pjson = ${JSON.stringify({...needed, oclif: pjson.oclif})};
    const commands = [${commands.join(',\n')}];
    export const start = (argv, root) => main(argv, bundledOptions(root, pjson, commands));
  `;
}

/** A dynamic import of a file in src/ becomes one of its bundle in dist/start/src/; `asked` gets the file. */
function keepEngineOutside(root, asked) {
  return {
    name: 'keep-engine-outside',
    setup({onResolve}) {
      onResolve({filter: /^\./}, ({path, kind, resolveDir}) => {
        if (kind !== 'dynamic-import') return undefined;
        const target = relative(root, join(resolveDir, path));
        if (!target.startsWith('src/')) return undefined;
        asked.add(target);
        return {path: `./${target.replace(/\.ts$/, '.js')}`, external: true};
      });
    },
  };
}

/** A dynamic import is that of a file in dist/start/src/; `asked` gets the file in src/. */
function importWhenAsked(root, importer, asked) {
  const directory = dirname(join(root, 'src', importer));
  return {
    name: 'import-when-asked',
    setup({onResolve}) {
      onResolve({filter: /^\./}, ({path, kind, resolveDir}) => {
        if (kind !== 'dynamic-import') return undefined;
        const file = join(resolveDir, path);
        asked.add(relative(root, file));
        const target = relative(directory, file).replace(/\.ts$/, '.js');
        return {path: target.startsWith('.') ? target : `./${target}`, external: true};
      });
    },
  };
}
