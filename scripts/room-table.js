// The table of src/README.md: which rooms there are and what each may import. The import check and the
// tidy check both read it, so that it cannot differ from what is enforced.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

/** Files of src/ that belong to no room. Only the door is imported from outside. */
export const ROOT_FILES = [
  'index.ts',
  'checkpoint-door.ts',
  'engine.ts',
  'catalog.ts',
  'task-entry.ts',
  'writer-entry.ts',
  'store-entry.ts',
  'check-entry.ts',
  'detached-entry.ts',
];

/** @returns {{room: string, mayImport: string[]}[]} */
export function readRoomTable(root) {
  const text = readFileSync(join(root, 'src/README.md'), 'utf8');
  const rooms = [];
  for (const line of text.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length !== 5 || cells[1] === 'room' || /^-+$/.test(cells[1])) continue;
    const imports = cells[3] === '–' ? [] : cells[3].split(',').map((name) => name.trim());
    rooms.push({room: cells[1], mayImport: imports});
  }
  if (rooms.length === 0) throw new Error('src/README.md holds no table of rooms');
  return rooms;
}
