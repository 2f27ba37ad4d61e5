// A copy of the build in which modules are patched, with the simulation and the bundled test files beside it: do
// they notice? Each run is a process of its own, so that an endless loop in a mutant costs only its time limit.
//
//   const build = await PatchedBuild.make(['aligner']);
//   build.patch({module: 'storage/attempt.js', find: 'await files.syncDirectory(paths.root);', replace: ''});
//   const {foundBy} = await build.simulate({from: 1, seeds: 200, limitMillis: 60_000});
//   build.remove();

import {spawn} from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {build as bundle, type BuildOptions, type Plugin} from 'esbuild';

import {buildSimulation} from '../simulation/build.js';
import {TEST_PROVERS, type Prover, type TestProver} from './provers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** In the copy: as deep as the tests lie here. */
const PROVERS = 'test/provers';
const RUNNER = join(ROOT, 'test', 'mutants', 'test-runner.ts');
/** As vitest's workers: most end before what V8 would optimize pays. */
const OPTIMIZE_LATE = ['--interrupt-budget=600000'];

export interface Patch {
  /** Below `dist/src/`. */
  readonly module: string;
  /** Stands exactly once in the built module. */
  readonly find: string;
  readonly replace: string;
}

export interface Verdict {
  /** The seed or the test that failed; null: none did. */
  readonly foundBy: string | null;
  /** One sentence of what it found. */
  readonly found: string | null;
  readonly millis: number;
  readonly output: string;
}

export class PatchedBuild {
  readonly #directory: string;
  /** What the tests of each prover took when they passed, as the runner said it; of all copies. */
  readonly #times: Map<TestProver, string>;
  /** Patched modules as they were. */
  readonly #originals = new Map<string, string>();

  private constructor(directory: string, times: Map<TestProver, string>) {
    this.#directory = directory;
    this.#times = times;
  }

  /** The build must be there; what proves is bundled here. */
  static async make(provers: readonly Prover[]): Promise<PatchedBuild> {
    const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
    cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
    cpSync(join(ROOT, 'dist', 'src'), join(directory, 'dist', 'src'), {
      recursive: true,
      filter: (path) => !/\.(map|d\.ts)$/.test(path),
    });
    // Tests look for pages beside the code, for schemas and for kept bytes, and start threads with modules beside themselves.
    for (const name of ['node_modules', 'schema', 'src'])
      symlinkSync(join(ROOT, name), join(directory, name));
    mkdirSync(join(directory, PROVERS), {recursive: true});
    const kept = join(ROOT, 'test', 'flink-directories', 'directories.br');
    symlinkSync(kept, join(directory, PROVERS, '..', 'directories.br'));
    symlinkSync(join(ROOT, 'test', 'formats'), join(directory, PROVERS, '..', 'formats'));
    cpSync(join(ROOT, 'test', 'channels', 'support'), join(directory, PROVERS, 'support'), {
      recursive: true,
    });
    if (provers.includes('simulation')) {
      cpSync(await buildSimulation(ROOT), join(directory, PROVERS, 'simulation.js'));
    }
    const tests = provers.filter((prover) => prover !== 'simulation');
    await bundleTests(tests, join(directory, PROVERS));
    return new PatchedBuild(directory, new Map());
  }

  /** Another build with the same provers. */
  copy(): PatchedBuild {
    const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
    cpSync(this.#directory, directory, {recursive: true, verbatimSymlinks: true});
    return new PatchedBuild(directory, this.#times);
  }

  /** How often the text of a patch stands in its module. */
  placesOf({module, find}: Patch): number {
    return readFileSync(this.#pathOf(module), 'utf8').split(find).length - 1;
  }

  patch(patch: Patch): void {
    const {module, find, replace} = patch;
    const count = this.placesOf(patch);
    if (count !== 1) throw new Error(`${module} has ${count} times: ${find}`);
    const path = this.#pathOf(module);
    const text = readFileSync(path, 'utf8');
    if (!this.#originals.has(path)) this.#originals.set(path, text);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }

  /** As it was built. */
  restore(): void {
    for (const [path, text] of this.#originals) writeFileSync(path, text);
    this.#originals.clear();
  }

  /** Runs seeds until one fails. Over the time limit counts as a failure of the seed that was reached. */
  async simulate(options: {
    readonly from: number;
    readonly seeds: number;
    readonly step?: number;
    readonly limitMillis: number;
  }): Promise<Verdict> {
    const {from, seeds, step = 1, limitMillis} = options;
    const which = ['--from', String(from), '--step', String(step), '--count', String(seeds)];
    const {status, millis, output} = await this.#run(
      ['simulation.js', ...which, '--progress'],
      limitMillis,
    );
    if (status === 0) return {foundBy: null, found: null, millis, output};
    const reached = Number(/.*^reached (\d+)$/ms.exec(output)?.[1] ?? from - step) + step;
    const failing = /^failing seeds: (\d+)/m.exec(output)?.[1];
    const found = /^seed \d+: (.*)$/m.exec(output)?.[1] ?? null;
    if (found === null && status !== null) throw new Error(`no seed was run:\n${output}`);
    return {foundBy: `seed ${failing ?? reached}`, found: found ?? 'it hangs', millis, output};
  }

  /**
   * Runs the tests of a file until one fails, beginning with the one named `first`. A file that cannot be loaded, or takes
   * too long, proves nothing.
   */
  async test(prover: TestProver, limitMillis: number, first = ''): Promise<Verdict> {
    const known = this.#times.get(prover) ?? '{}';
    const {status, millis, output} = await this.#run([`${prover}.js`, known, first], limitMillis);
    if (status === 0 && output.endsWith('passed\n')) {
      this.#times.set(prover, /^times (.*)$/m.exec(output)?.[1] ?? known);
      return {foundBy: null, found: null, millis, output};
    }
    const [, test, found] = /^failed (.*)\n(.*)$/m.exec(output) ?? [];
    if (test === undefined) throw new Error(`${prover} did not come to an answer:\n${output}`);
    return {foundBy: test, found: found ?? null, millis, output};
  }

  remove(): void {
    rmSync(this.#directory, {recursive: true, force: true});
  }

  #pathOf(module: string): string {
    return join(this.#directory, 'dist', 'src', module);
  }

  async #run(
    [prover, ...args]: readonly [string, ...string[]],
    limitMillis: number,
  ): Promise<{status: number | null; millis: number; output: string}> {
    const started = performance.now();
    const {TIDEMARK_PROOF: _, ...env} = process.env;
    const file = join(this.#directory, PROVERS, prover);
    const child = spawn(process.execPath, [...OPTIMIZE_LATE, file, ...args], {
      cwd: this.#directory,
      env,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        output += data.toString();
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMillis);
    const status = await new Promise<number | null>((resolve) => {
      child.on('close', resolve);
    });
    clearTimeout(timer);
    return {status, millis: performance.now() - started, output};
  }
}

/** Each as one module, with our runner in place of vitest's, and `#src/…` left to the package that it lies in. */
async function bundleTests(provers: readonly TestProver[], outdir: string): Promise<void> {
  const shared: BuildOptions = {
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  };
  // One module each too: each run loads them, and of their modules that would take longer than most runs.
  await bundle({...shared, entryPoints: [{in: 'fast-check', out: 'fast-check'}]});
  await bundle({
    ...shared,
    entryPoints: [{in: RUNNER, out: 'runner'}],
    plugins: [besideProvers(['fast-check'])],
  });
  await bundle({
    ...shared,
    entryPoints: provers.map((prover) => ({
      in: join(ROOT, 'test', TEST_PROVERS[prover]),
      out: prover,
    })),
    packages: 'external',
    external: ['#src/*'],
    plugins: [besideProvers(['fast-check', 'vitest'])],
  });
}

/** Leaves packages to what was bundled of them. */
function besideProvers(packages: readonly ('fast-check' | 'vitest')[]): Plugin {
  const modules = {'fast-check': './fast-check.js', vitest: './runner.js'};
  return {
    name: 'beside-provers',
    setup(build) {
      for (const name of packages) {
        build.onResolve({filter: new RegExp(`^${name}$`)}, () => ({
          path: modules[name],
          external: true,
        }));
      }
    },
  };
}
