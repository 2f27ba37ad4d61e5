// The fields of a request's body. One that is not known or has another type is refused by name: what a caller
// writes is acted on or answered, never passed over. Null is absent, as Flink's client sends it.

import {fileURLToPath} from 'node:url';
import {isAbsolute, normalize} from 'node:path';

import {HttpError} from './http-shell.ts';

export class BodyFields {
  readonly #body: Readonly<Record<string, unknown>>;

  constructor(body: Readonly<Record<string, unknown>>, known: readonly string[]) {
    this.#body = body;
    const stranger = Object.keys(body).find((field) => !known.includes(field));
    if (stranger !== undefined) {
      const names = known.length === 0 ? 'none is' : `${known.join(', ')} are`;
      throw new HttpError(
        400,
        `unknown field ${JSON.stringify(stranger.slice(0, 64))}: ${names} known here`,
      );
    }
  }

  text(field: string): string | null {
    const value = this.#body[field] ?? null;
    if (value === null || (typeof value === 'string' && value.length <= 4096)) return value;
    throw new HttpError(400, `${field} must be a text of at most 4096 characters`);
  }

  flag(field: string): boolean {
    const value = this.#body[field] ?? false;
    if (typeof value === 'boolean') return value;
    throw new HttpError(400, `${field} must be true or false`);
  }

  /** A whole number from 1. */
  count(field: string): number {
    const value = this.#body[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
    throw new HttpError(400, `${field} must be a whole number from 1`);
  }

  countOrNull(field: string): number | null {
    return (this.#body[field] ?? null) === null ? null : this.count(field);
  }

  /** A list of whole numbers from 1; null: absent. */
  countsOrNull(field: string): readonly number[] | null {
    const value = this.#body[field] ?? null;
    if (value === null) return null;
    if (Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 1)) {
      return value as readonly number[];
    }
    throw new HttpError(400, `${field} must be a list of whole numbers from 1`);
  }

  oneOf<Word extends string>(field: string, words: readonly Word[], fallback: Word): Word {
    const value = this.text(field) ?? fallback;
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    throw new HttpError(400, `${field} must be one of ${words.join(', ')}`);
  }

  /** An absolute path of this machine, also as a `file:` URI. */
  directory(field: string): string | null {
    const text = this.text(field);
    if (text === null) return null;
    const path = pathOf(text);
    if (path !== null && isAbsolute(path) && !path.includes('\0')) return normalize(path);
    throw new HttpError(400, `${field} must be an absolute path or a file: URI of this machine`);
  }
}

/** Of a request that carries nothing: Flink's client sends `{}`. */
export function requireNoFields(body: Readonly<Record<string, unknown>>): void {
  if (Object.keys(body).length > 0) throw new HttpError(400, 'the body must be empty or {}');
}

/** `file:/a/b` and `file:///a/b` → `/a/b`; null: another scheme. */
export function pathOf(text: string): string | null {
  if (!/^[A-Za-z][A-Za-z0-9+.-]+:/.test(text)) return text;
  if (!text.startsWith('file:')) return null;
  try {
    return fileURLToPath(new URL(text));
  } catch {
    // Another host, or an encoded slash.
    return null;
  }
}
