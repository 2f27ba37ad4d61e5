// Vocabulary of the crash-state proofs: a recording of disk operations, what was promised while it was made, and every
// disk that a power loss at any instant may have left.

import {SeededRandom} from '#src/base/random.js';
import type {MemoryFileSystem} from '../storage/support/memory-file-system.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1';
const ALL_SUBSETS_MAX = PROOF ? 10 : 5;
const SAMPLED_SUBSETS = PROOF ? 100 : 6;

/** What must hold from `since` (a position in the log) until `until`. */
export interface Promised {
  readonly what: string;
  readonly since: number;
  until: number;
  readonly holds: (disk: MemoryFileSystem) => Promise<boolean>;
}

export interface Recording {
  readonly disk: MemoryFileSystem;
  readonly promises: Promised[];
}

/**
 * Whoever takes over while something is recorded draws from these: two recordings of the same steps are the same byte by byte, and
 * nobody who looks at a disk afterwards is called as one of them.
 */
export const RECORDED_OWNERS = [{seed: 1_000_001}, {seed: 1_000_002}] as const;

type Always = (disk: MemoryFileSystem) => Promise<string | null>;

/** By `always`, then by disk and promises: recordings of the same steps without one sync or another leave much the same disks. */
const judged = new Map<Always, Map<string, string | null>>();

type Fate = 'whole' | 'half' | 'lost';

/** Which subsets of `count` unsynced changes are tried: all of them, or the telling ones and a sample. */
function* subsets(count: number, random: SeededRandom): Generator<(index: number) => Fate> {
  yield () => 'lost';
  yield () => 'whole';
  yield () => 'half';
  if (count <= ALL_SUBSETS_MAX) {
    for (let bits = 1; bits < 2 ** count - 1; bits += 1) {
      yield (index) => ((bits >> index) & 1 ? 'whole' : 'lost');
    }
    return;
  }
  for (let one = 0; one < count; one += 1) {
    yield (index) => (index === one ? 'lost' : 'whole');
    yield (index) => (index === one ? 'whole' : 'lost');
  }
  for (let sample = 0; sample < SAMPLED_SUBSETS; sample += 1) {
    const fates = Array.from(
      {length: count},
      (): Fate => (['whole', 'half', 'lost'] as const)[Math.floor(random.next() * 3)] ?? 'lost',
    );
    yield (index) => fates[index] ?? 'lost';
  }
}

/**
 * The first violation over all crash points, or null; and how many disks were looked at. No power is lost between two
 * operations of phase `before`: others prove those.
 */
export async function findViolation(
  {disk, promises}: Recording,
  always: Always,
  from = 0,
): Promise<{violation: string | null; disks: number}> {
  const seen = new Set<string>();
  const known = judged.get(always) ?? new Map<string, string | null>();
  judged.set(always, known);
  for (let position = from; position <= disk.log.length; position += 1) {
    const isBefore = (index: number): boolean => disk.log[index]?.phase === 'before';
    if (isBefore(position - 1) && isBefore(position)) continue;
    // The same subsets of the same changes, whichever sync is missing in the log.
    const changes = disk.log.slice(0, position).filter(({kind}) => kind === 'change').length;
    const random = new SeededRandom(changes);
    const due = promises.filter(({since, until}) => since <= position && position <= until);
    const unsynced = disk.unsyncedAt(position);
    for (const survives of subsets(unsynced.length, random)) {
      const crashed = disk.afterCrash(position, survives, unsynced);
      // Many subsets build the same disk under the same promises.
      const key = `${crashed.fingerprint()} ${due.map(({what}) => what).join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      let violation = known.get(key);
      if (violation === undefined) {
        violation = await violationOn(crashed, due, always);
        known.set(key, violation);
      }
      if (violation !== null) {
        return {violation: `at ${position}: ${violation}`, disks: seen.size};
      }
    }
  }
  return {violation: null, disks: seen.size};
}

async function violationOn(
  crashed: MemoryFileSystem,
  due: readonly Promised[],
  always: Always,
): Promise<string | null> {
  try {
    for (const {what, holds} of due) if (!(await holds(crashed))) return `lost: ${what}`;
    return await always(crashed);
  } catch (error) {
    return String(error);
  }
}

/** What was tried, for whoever runs this. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Each single sync but those of phase `before` is dropped in turn: by place, what its loss breaks; null: nothing. */
export async function withoutEachSync(
  record: (droppedSyncs: ReadonlySet<number>) => Promise<Recording>,
  always: Always,
  placeOf: (path: string) => string,
): Promise<readonly (readonly [string, string | null])[]> {
  const {disk} = await record(new Set());
  const positions = disk.log.flatMap((entry, index) => (entry.kind === 'sync' ? [index] : []));
  const why = new Map<string, string | null>();
  for (const [index, {phase, path}] of disk.syncs.entries()) {
    if (phase === 'before') continue;
    const place = `${phase.padEnd(10)} ${placeOf(path)}`;
    // The same place may be passed several times; needed once is needed.
    if ((why.get(place) ?? null) !== null) continue;
    // Before that sync the disks are those of the first test.
    const recording = await record(new Set([index + 1]));
    why.set(place, (await findViolation(recording, always, positions[index])).violation);
  }
  const rows = [...why].map(([place, violation]) => `${place.padEnd(52)} ${violation ?? '-'}`);
  say(`without the sync of …\n${rows.map((row) => row.slice(0, 130)).join('\n')}`);
  return [...why];
}
