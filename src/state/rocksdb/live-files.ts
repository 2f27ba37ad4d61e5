// The SST files of a database, edit by edit of its MANIFEST. What an edit cannot mean is refused, as RocksDB does when it opens one
// (db/version_builder.cc, db/version_edit_handler.cc): a database of other files would be read instead.

/** Of the levels that there are by default; the binding has no others. */
const LEVEL_MAX = 6;
/** The family that is there without being added. */
const DEFAULT_FAMILY = 'default';

export interface LiveFile {
  readonly family: string;
  readonly level: number;
  readonly number: number;
  /** Of the file. */
  readonly bytes: number;
  /** The user keys at both ends. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

export interface VersionEdit {
  family: number;
  /** Of a family that is added. */
  name: string | null;
  isDropped: boolean;
  /** Tags of the counters that it sets. */
  readonly counters: number[];
  readonly deleted: {readonly level: number; readonly number: number}[];
  readonly added: Omit<LiveFile, 'family'>[];
}

interface Family {
  readonly name: string;
  /** By number. */
  readonly files: Map<number, LiveFile>;
}

export class LiveFiles {
  readonly #families = new Map<number, Family>([[0, {name: DEFAULT_FAMILY, files: new Map()}]]);
  /** In all families. */
  readonly #numbers = new Set<number>();
  readonly #counters = new Set<number>();

  get families(): readonly string[] {
    return [...this.#families.values()].map(({name}) => name);
  }

  get files(): readonly LiveFile[] {
    return [...this.#families.values()].flatMap(({files}) => [...files.values()]);
  }

  /** Whether the counters with these tags were set. */
  hasCounters(tags: readonly number[]): boolean {
    return tags.every((tag) => this.#counters.has(tag));
  }

  /** `fail`: makes the error of an edit that means nothing. */
  apply(edit: VersionEdit, fail: (what: string) => Error): void {
    for (const tag of edit.counters) this.#counters.add(tag);
    if (edit.name !== null) {
      if (this.#families.has(edit.family)) throw fail(`family ${edit.family} is added twice`);
      this.#families.set(edit.family, {name: edit.name, files: new Map()});
    }
    const family = this.#families.get(edit.family);
    if (family === undefined) throw fail(`an edit of family ${edit.family}, which there is not`);
    for (const {level, number} of edit.deleted) {
      if (family.files.get(number)?.level !== level) {
        throw fail(`file ${number} goes from level ${level}, where it is not`);
      }
      family.files.delete(number);
      this.#numbers.delete(number);
    }
    for (const file of edit.added) {
      if (file.level > LEVEL_MAX) throw fail(`level ${file.level}`);
      if (this.#numbers.has(file.number)) throw fail(`file ${file.number} is added twice`);
      family.files.set(file.number, {...file, family: family.name});
      this.#numbers.add(file.number);
    }
    if (!edit.isDropped) return;
    for (const number of family.files.keys()) this.#numbers.delete(number);
    this.#families.delete(edit.family);
  }
}
