import {join} from 'node:path';
import {build} from 'esbuild';

/** The simulation as one module below `root`, where its `#src/…` leads to that package's own dist. */
export async function buildSimulation(root) {
  const outfile = join(root, '.scratch', 'simulation', 'main.js');
  await build({
    entryPoints: [join(root, 'test', 'simulation', 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['#src/*'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}
