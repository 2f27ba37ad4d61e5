// Flink's flags, for whoever has them in the fingers: a name that is only spelled otherwise is respelled, and
// one that means something else here, or nothing, is refused with what to write instead. Which
// table holds for a command stands in flink-flag-tables.ts; `BaseCommand` applies it before oclif sees the arguments.
//
// oclif's own `aliases` would do for long names, but not for `-cm` (it reads -c and -m), not for `-sae` (it
// reads -s with the value "ae"), and not for values such as NO_CLAIM.

import {EngineError} from '../../src/index.ts';

export interface FlinkFlag {
  /** As typed, with its hyphens: `-sae`, `--claimMode`. */
  readonly names: readonly string[];
  /** Our name, or why there is none. */
  readonly means:
    | {readonly flag: string; readonly values?: FlinkValues | undefined}
    | {readonly refused: string; readonly instead: string};
}

/** Flink's spelling of a value in lower case → ours, or why there is none. Any other is left as it is. */
export type FlinkValues = Readonly<
  Record<string, string | {readonly refused: string; readonly instead: string}>
>;

/** What the parser needs to know of a command's own flags: which of them take the next argument. */
export type OwnFlags = Readonly<
  Record<
    string,
    {
      readonly type: string;
      readonly char?: string | undefined;
      readonly aliases?: readonly string[] | undefined;
    }
  >
>;

/** The arguments in our spelling. Throws USAGE for a flag that must not be guessed at. */
export function fromFlinkFlags(
  argv: readonly string[],
  table: readonly FlinkFlag[],
  own: OwnFlags,
): string[] {
  const byName = new Map(table.flatMap((flag) => flag.names.map((name) => [name, flag] as const)));
  const takesNext = namesWithValue(own);
  const result: string[] = [];
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') return [...result, word, ...left];
    const {name, value} = splitFlag(word);
    const flag = byName.get(name) ?? null;
    if (flag === null) {
      result.push(...respelledProperty(word));
      // What follows is a value, whatever it looks like.
      if (takesNext.has(word) && left.length > 0) result.push(left.shift()!);
      continue;
    }
    if ('refused' in flag.means) throw refusal(name, flag.means.refused, flag.means.instead);
    const {flag: ours, values} = flag.means;
    if (values === undefined) {
      result.push(value === null ? ours : `${ours}=${value}`);
      if (value === null && takesNext.has(ours) && left.length > 0) result.push(left.shift()!);
      continue;
    }
    const given = value ?? left.shift();
    result.push(ours, ...(given === undefined ? [] : [ownValue(name, given, values)]));
  }
  return result;
}

function namesWithValue(own: OwnFlags): ReadonlySet<string> {
  return new Set(
    Object.entries(own)
      .filter(([, {type}]) => type === 'option')
      .flatMap(([name, {char, aliases = []}]) => [
        `--${name}`,
        ...aliases.map((alias) => `--${alias}`),
        ...(char === undefined ? [] : [`-${char}`]),
      ]),
  );
}

function splitFlag(word: string): {readonly name: string; readonly value: string | null} {
  const equals = word.startsWith('-') ? word.indexOf('=') : -1;
  if (equals === -1) return {name: word, value: null};
  return {name: word.slice(0, equals), value: word.slice(equals + 1)};
}

/** YARN's `-yD key=value` is `-D key=value`. */
function respelledProperty(word: string): readonly string[] {
  return [word.startsWith('-yD') ? `-D${word.slice('-yD'.length)}` : word];
}

function ownValue(name: string, given: string, values: FlinkValues): string {
  const key = given.toLowerCase();
  const found = Object.hasOwn(values, key) ? values[key] : undefined;
  if (found === undefined) return given;
  if (typeof found === 'string') return found;
  throw refusal(`${name} ${given}`, found.refused, found.instead);
}

function refusal(what: string, refused: string, instead: string): EngineError {
  return new EngineError('USAGE', `${what}: ${refused}`, {hint: instead});
}
