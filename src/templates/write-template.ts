// Writes a template into a directory: all of its files, or none when one is there already.

import {dirname, join} from 'node:path';

import {EngineError, messageOf, systemErrorCode} from '../base/errors.ts';
import {unlessMissing} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';
import {filterToFile} from './filter-to-file.ts';
import {filesOf, jobFileOf, TEST_FILE, type Template} from './template.ts';
import {twoSourcesUnion} from './two-sources-union.ts';
import {windowedAggregate} from './windowed-aggregate.ts';

export const TEMPLATES: readonly Template[] = [filterToFile, windowedAggregate, twoSourcesUnion];

export interface TemplateRequest {
  readonly template: string;
  /** Absolute; it is made, with its parents, when it is not there. */
  readonly directory: string;
  /** Replace what is there of the same name. */
  readonly overwrite: boolean;
}

/** Absolute paths. */
export interface WrittenTemplate {
  readonly template: string;
  readonly directory: string;
  readonly jobFile: string;
  readonly testFile: string;
  readonly files: readonly string[];
}

export async function writeTemplate(
  request: TemplateRequest,
  files: FileSystem = nodeFileSystem,
): Promise<WrittenTemplate> {
  const {directory, overwrite} = request;
  const template = requireTemplate(request.template);
  const contents = filesOf(template);
  if (!overwrite) await refuseExisting(files, directory, [...contents.keys()]);
  const written: string[] = [];
  for (const [name, text] of contents) {
    const path = join(directory, name);
    try {
      await makeDirectories(files, dirname(path));
      await replaceFile(files, path, text, overwrite);
    } catch (error) {
      throw cannotWrite(path, error);
    }
    written.push(path);
  }
  return {
    template: template.name,
    directory,
    jobFile: join(directory, jobFileOf(template)),
    testFile: join(directory, TEST_FILE),
    files: written,
  };
}

function requireTemplate(name: string): Template {
  const found = TEMPLATES.find((template) => template.name === name);
  if (found !== undefined) return found;
  throw new EngineError('USAGE', `there is no template ${name}`, {
    hint: `--template ${TEMPLATES.map((template) => template.name).join(' or ')}`,
  });
}

async function refuseExisting(
  files: FileSystem,
  directory: string,
  names: readonly string[],
): Promise<void> {
  const existing = [];
  for (const name of names) {
    if (await isThere(files, join(directory, name))) existing.push(name);
  }
  if (existing.length === 0) return;
  throw new EngineError('REFUSED', `${directory} has ${existing.join(', ')} already`, {
    file: directory,
    hint: 'name another directory, or replace these files with --force',
  });
}

async function isThere(files: FileSystem, path: string): Promise<boolean> {
  try {
    await files.status(path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return false;
    // A file stands where the directory would be.
    if (code === 'ENOTDIR') return false;
    throw cannotWrite(path, error);
  }
}

async function makeDirectories(files: FileSystem, path: string): Promise<void> {
  try {
    await files.makeDirectory(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeDirectories(files, dirname(path));
      await files.makeDirectory(path);
    } else if (code !== 'EEXIST') throw error;
  }
}

/** Under a name of its own first: what is there is replaced by a whole file, or not at all. */
async function replaceFile(
  files: FileSystem,
  path: string,
  text: string,
  overwrite: boolean,
): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  try {
    const handle = await files.createNew(aside);
    try {
      await handle.append(new TextEncoder().encode(text));
    } finally {
      await handle.close();
    }
    if (overwrite) await files.rename(aside, path);
    // Refuses to replace what has come meanwhile.
    else await files.link(aside, path);
  } finally {
    await unlessMissing(async () => files.unlink(aside));
  }
}

function cannotWrite(path: string, error: unknown): EngineError {
  const code = systemErrorCode(error) ?? messageOf(error);
  const isThereNow = code === 'EEXIST';
  return new EngineError(
    isThereNow ? 'REFUSED' : 'STORAGE_FAILED',
    isThereNow ? `${path} is there already` : `cannot write ${path}: ${code}`,
    {
      file: path,
      hint: isThereNow ? 'replace it with --force' : 'name a directory that you may write to',
      cause: error,
    },
  );
}
