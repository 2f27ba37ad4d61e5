// Where a live database lies. Each deployment makes directories of its own and removes them when it ends; what a dead one left
// goes at the next start. Nothing in them is ever read by another deployment.
//
//   default               <job directory>/work/<generation>/rocksdb/<uid>.<subtask>/     goes with the generation's work
//   local-directories     <one of them>/tidemark-<id of the job directory>-<generation>-<uid>.<subtask>/
//
//   db/   source-N/   staging-N/   LOCK.tidemark

import {systemErrorCode} from '../../base/errors.ts';
import {sha256} from '../../base/checksum.ts';
import {removeTree, unlessMissing, writeDurableBytes} from '../../storage/durable-file.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {generationName, JobPaths, parseGenerationName} from '../../storage/paths.ts';
import {storageFailed} from '../../storage/storage-error.ts';

export interface LocalPlace {
  readonly jobDirectory: string;
  readonly generation: number;
  readonly uid: string;
  readonly subtask: number;
  /** Absolute, of the user's choice; empty: within the job directory. */
  readonly directories: readonly string[];
}

export class LocalDirectory {
  readonly path: string;
  readonly #files: FileSystem;

  private constructor(path: string, files: FileSystem) {
    this.path = path;
    this.#files = files;
  }

  static async make(place: LocalPlace, files: FileSystem): Promise<LocalDirectory> {
    const {jobDirectory, generation, uid, subtask, directories} = place;
    const chosen = directories[subtask % Math.max(1, directories.length)];
    const own = `${uid}.${subtask}`;
    let path: string;
    try {
      if (chosen === undefined) {
        const parent = `${new JobPaths(jobDirectory).work(generation)}/rocksdb`;
        await makeUnlessThere(files, parent);
        path = `${parent}/${own}`;
      } else {
        await makeUnlessThere(files, chosen);
        const prefix = `tidemark-${sha256().update(jobDirectory).digest('hex').slice(0, 16)}-`;
        for (const directory of directories) {
          await removeLeftOvers(files, directory, prefix, generation);
        }
        path = `${chosen}/${prefix}${generationName(generation)}-${own}`;
      }
      // EEXIST: somebody else uses it, or did.
      await files.makeDirectory(path);
      const text = `${JSON.stringify({job_directory: jobDirectory, generation, uid, subtask})}\n`;
      await writeDurableBytes(files, `${path}/LOCK.tidemark`, new TextEncoder().encode(text));
    } catch (error) {
      throw storageFailed('making the local directory of RocksDB', chosen ?? jobDirectory, error);
    }
    return new LocalDirectory(path, files);
  }

  /** A new directory in it. */
  async child(name: string): Promise<string> {
    const path = `${this.path}/${name}`;
    try {
      await this.#files.makeDirectory(path);
    } catch (error) {
      throw storageFailed('making the local directory of RocksDB', path, error);
    }
    return path;
  }

  async removeChild(name: string): Promise<void> {
    await this.#remove(`${this.path}/${name}`);
  }

  async remove(): Promise<void> {
    await this.#remove(this.path);
  }

  async #remove(path: string): Promise<void> {
    try {
      await removeTree(this.#files, path);
    } catch (error) {
      throw storageFailed('removing the local directory of RocksDB', path, error);
    }
  }
}

/**
 * Of this job directory, from earlier generations: also of operators and subtasks that the job has no longer, which nobody
 * else would remove. Several subtasks may do it at once.
 */
async function removeLeftOvers(
  files: FileSystem,
  directory: string,
  prefix: string,
  generation: number,
): Promise<void> {
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(directory)) {
      if (kind !== 'directory' || !name.startsWith(prefix)) continue;
      const theirs = parseGenerationName(name.slice(prefix.length).split('-', 1)[0]!);
      if (theirs !== null && theirs < generation) await removeTree(files, `${directory}/${name}`);
    }
  });
}

async function makeUnlessThere(files: FileSystem, path: string): Promise<void> {
  try {
    await files.makeDirectory(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}
