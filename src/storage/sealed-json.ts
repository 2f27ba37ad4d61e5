// A JSON object that protects itself:
//
//   {"_sha256":"<64 lower-case hexadecimal digits>",<the object's own fields, canonical>}\n
//             `-- SHA-256 of every byte after this field's comma, to the end of the file
//
// `_` sorts before lower-case letters, so the whole is canonical JSON too, and jq reads it. Each bit is
// covered: the digits by what they are compared with, the 12 bytes before and 2 behind them by being fixed,
// all others by the digest. The form of this first field is the same in all majors of the format.

import {assert} from '../base/assert.ts';
import {sha256Hex} from '../base/checksum.ts';
import {canonicalJson, isObject, parseCanonicalJson, type JsonObject} from './canonical-json.ts';

const PREFIX = '{"_sha256":"';
const SUFFIX = '",';
const DIGEST_CHARACTERS = 64;
const BODY_START = PREFIX.length + DIGEST_CHARACTERS + SUFFIX.length;

export type OpenedSeal = {readonly kind: 'opened'; readonly fields: JsonObject} | SealDamage;

export interface SealDamage {
  readonly kind: 'damaged';
  /** In bytes from the start of the file. */
  readonly offset: number;
  readonly expected: string | null;
  readonly found: string | null;
  readonly message: string;
}

export function sealJson(fields: JsonObject): Uint8Array {
  const keys = Object.keys(fields);
  assert(keys.length > 0 && keys.every((key) => key > '_sha256'), `sealed keys ${keys.join()}`);
  const body = Buffer.from(`${canonicalJson(fields).slice(1)}\n`);
  return Buffer.concat([Buffer.from(`${PREFIX}${sha256Hex(body)}${SUFFIX}`), body]);
}

/** A seal that holds: nothing inside has been looked at. */
export interface HeldSeal {
  readonly kind: 'held';
  /** SHA-256 of all that it covers. */
  readonly digest: string;
  readonly bytes: Buffer;
}

export function openSealedJson(bytes: Uint8Array): OpenedSeal {
  const seal = checkSeal(bytes);
  return seal.kind === 'held' ? parseSealed(seal) : seal;
}

export function checkSeal(bytes: Uint8Array): HeldSeal | SealDamage {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = view.subarray(BODY_START);
  const head = view.toString('latin1', 0, BODY_START);
  const recorded = head.slice(PREFIX.length, PREFIX.length + DIGEST_CHARACTERS);
  if (head !== `${PREFIX}${recorded}${SUFFIX}` || !/^[0-9a-f]{64}$/.test(recorded)) {
    return damaged(0, "it does not begin with its own digest '_sha256'");
  }
  const actual = sha256Hex(body);
  if (actual !== recorded) {
    return {...damaged(BODY_START, 'its own digest differs'), expected: recorded, found: actual};
  }
  if (body.length < 2 || body[body.length - 1] !== 0x0a) {
    return damaged(view.length, 'its last line is not complete');
  }
  return {kind: 'held', digest: recorded, bytes: view};
}

/** The seal holds; what is inside may still have been made by someone else. */
export function parseSealed({bytes}: HeldSeal): OpenedSeal {
  const whole = new Uint8Array(bytes.subarray(BODY_START - 1, -1));
  whole[0] = 0x7b;
  const parsed = parseCanonicalJson(whole);
  if (parsed.kind === 'damaged') return damaged(BODY_START - 1 + parsed.offset, parsed.message);
  if (!isObject(parsed.value)) return damaged(BODY_START, 'not an object');
  return {kind: 'opened', fields: parsed.value};
}

function damaged(offset: number, message: string): SealDamage {
  return {kind: 'damaged', offset, expected: null, found: null, message};
}
