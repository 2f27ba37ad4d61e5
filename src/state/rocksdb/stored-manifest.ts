// The MANIFEST of a stored database, and whether all files that it names are in the checkpoint.

import {readManifest, tableFileName, type ManifestContent} from './read-manifest.ts';
import {damagedHandle, type StoredDatabase, type StoredFile} from './stored-database.ts';
import {must} from '../../base/assert.ts';
import {sha256Hex} from '../../base/checksum.ts';
import {EngineError} from '../../base/errors.ts';
import {readWholeFile} from '../../storage/durable-file.ts';
import type {FileOpener} from '../../storage/open-below.ts';

const CURRENT_BYTES_MAX = 1024;

/** `pathOf`: where a file of the database lies. CHECKPOINT_DAMAGED when one is missing. */
export async function readStoredManifest(
  files: FileOpener,
  stored: StoredDatabase,
  pathOf: (file: StoredFile) => string,
): Promise<ManifestContent> {
  const current = must(
    stored.files.find(({file}) => file === 'CURRENT'),
    'CURRENT',
  );
  const of = (name: string): StoredFile => {
    const found = stored.files.find(({file}) => file === name);
    if (found !== undefined) return found;
    throw damagedHandle(current.state, `its ${name} is missing in the checkpoint`);
  };
  const name = await readWholeFile(files, pathOf(current), CURRENT_BYTES_MAX);
  const manifest = of(new TextDecoder().decode(name).trim());
  const path = pathOf(manifest);
  const bytes = await readWholeFile(files, path, manifest.state.length);
  const content = contentOf(bytes, path, manifest);
  for (const number of content.liveFiles) of(tableFileName(number));
  return content;
}

/** What is not understood is damage when it is what was written, and a failing disk's when it is not. */
function contentOf(bytes: Uint8Array, path: string, {state}: StoredFile): ManifestContent {
  try {
    const content = readManifest(bytes, path);
    if (content.isTorn) throw damagedHandle(state, 'it ends within an edit');
    return content;
  } catch (error) {
    if (!(error instanceof EngineError) || sha256Hex(bytes) !== state.sha256) throw error;
    throw damagedHandle(state, `it cannot be read: ${error.message}`);
  }
}
