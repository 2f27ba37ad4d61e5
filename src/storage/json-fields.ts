// Reads typed fields out of JSON that nobody vouches for. Each reader names the field's place; a wrong
// one throws FieldError, which the decoder that uses this file turns into its own result.

import type {JsonValue} from '../base/json.ts';
import {isArray, isObject, type JsonObject} from './canonical-json.ts';

export const TEXT_CHARACTERS_MAX = 1024;

/** One field is missing or is not what it must be. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

/** An object and where it stands: `operators[2].subtasks[0]`, which is put together only when it is asked for. */
export class Fields {
  readonly #object: JsonObject;
  readonly #place: string | Place;

  constructor(value: JsonValue, place: string | Place) {
    if (!isObject(value)) throw new FieldError(`${textOf(place) || 'the whole'} is not an object`);
    this.#object = value;
    this.#place = place;
  }

  place(key: string): string {
    const own = textOf(this.#place);
    return own === '' ? key : `${own}.${key}`;
  }

  wrong(key: string, expected: string): FieldError {
    const shown = JSON.stringify(this.value(key)).slice(0, 80);
    return new FieldError(`${this.place(key)} is not ${expected}: ${shown}`);
  }

  value(key: string): JsonValue {
    if (!Object.hasOwn(this.#object, key)) throw new FieldError(`${this.place(key)} is missing`);
    return this.#object[key] as JsonValue;
  }

  object(key: string): Fields {
    return new Fields(this.value(key), {parent: this, key, index: null});
  }

  text(key: string, pattern: RegExp | null = null): string {
    const value = this.value(key);
    if (typeof value !== 'string') throw this.wrong(key, 'a string');
    if (value.length > TEXT_CHARACTERS_MAX) throw this.wrong(key, 'short enough');
    if (pattern !== null && !pattern.test(value))
      throw this.wrong(key, `of the form ${pattern.source}`);
    return value;
  }

  /** Of any length. */
  path(key: string): string {
    const value = this.value(key);
    if (typeof value !== 'string') throw this.wrong(key, 'a path');
    return value;
  }

  textOrNull(key: string): string | null {
    return this.value(key) === null ? null : this.text(key);
  }

  /** A safe integer from `min` to `max`. */
  count(key: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.value(key);
    if (!isCount(value, min, max)) throw this.wrong(key, `an integer from ${min} to ${max}`);
    return value;
  }

  countOrNull(key: string, min = 0): number | null {
    return this.value(key) === null ? null : this.count(key, min);
  }

  flag(key: string): boolean {
    const value = this.value(key);
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.value(key);
    if (!choices.includes(value as T)) throw this.wrong(key, `one of ${choices.join(', ')}`);
    return value as T;
  }

  list(key: string, lengthMax: number): readonly JsonValue[] {
    const value = this.value(key);
    if (!isArray(value)) throw this.wrong(key, 'a list');
    if (value.length > lengthMax) {
      throw new FieldError(
        `${this.place(key)} has ${value.length} entries, at most ${lengthMax} fit`,
      );
    }
    return value;
  }

  objects<T>(key: string, lengthMax: number, decode: (fields: Fields) => T): readonly T[] {
    return this.list(key, lengthMax).map((value, index) =>
      decode(new Fields(value, {parent: this, key, index})),
    );
  }
}

interface Place {
  readonly parent: Fields;
  readonly key: string;
  readonly index: number | null;
}

function textOf(place: string | Place): string {
  if (typeof place === 'string') return place;
  const {parent, key, index} = place;
  return index === null ? parent.place(key) : `${parent.place(key)}[${index}]`;
}

export function isCount(value: JsonValue, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}
