// As much of Java's object stream as Flink's checkpoint properties use: one object, whose fields are booleans, strings,
// enums and objects of the same kind. No class is looked for by its name and nothing is run: names stay text. What is of
// another shape is refused.
//
//   stream    AC ED 00 05, then a value
//   value     70 none | 71 reference | 74 string | 73 class, fields of each class | 7E class, string
//   class     70 none | 71 reference | 72 text name, i64 id, u8 flags, u16 n, n x field, 78, super class
//   field     u8 type, text name; of types L and [: a value, the name of the field's class
//   reference i32 0x7E0000 + number, in the order in which classes, strings, objects and enums begin

import type {ByteCursor} from './byte-cursor.ts';

export interface JavaObject {
  readonly className: string;
  readonly fields: ReadonlyMap<string, JavaValue>;
}

export interface JavaEnum {
  readonly className: string;
  readonly constant: string;
}

export type JavaValue = JavaObject | JavaEnum | string | boolean | null;

interface JavaClass {
  readonly name: string;
  readonly fields: readonly {readonly type: string; readonly name: string}[];
  readonly parent: JavaClass | null;
}

const STREAM_MAGIC = 0xaced0005;
const REFERENCE_BASE = 0x7e0000;
const FIELDS_MAX = 32;
const NULL = 0x70;
const REFERENCE = 0x71;
const CLASS = 0x72;
const OBJECT = 0x73;
const STRING = 0x74;
const END_OF_CLASS = 0x78;
const ENUM = 0x7e;

/** The one value of a stream, which ends where the value ends. */
export function readJavaStream(cursor: ByteCursor): JavaValue {
  const offset = cursor.offset;
  const magic = cursor.unsignedInt();
  if (magic !== STREAM_MAGIC) {
    throw cursor.wrong(offset, 'a Java object stream, AC ED 00 05', magic.toString(16));
  }
  return new JavaStream(cursor).value();
}

class JavaStream {
  readonly #cursor: ByteCursor;
  /** What a reference may refer to; undefined while it is being read. */
  readonly #handles: (JavaValue | {readonly javaClass: JavaClass} | undefined)[] = [];

  constructor(cursor: ByteCursor) {
    this.#cursor = cursor;
  }

  value(): JavaValue {
    return this.#cursor.nested('Java value', () => this.#tagged());
  }

  #tagged(): JavaValue {
    const cursor = this.#cursor;
    const offset = cursor.offset;
    const tag = cursor.unsignedByte();
    switch (tag) {
      case NULL:
        return null;
      case REFERENCE:
        return this.#referred(offset);
      case STRING: {
        const text = cursor.text();
        this.#handles.push(text);
        return text;
      }
      case OBJECT:
        return this.#object();
      case ENUM:
        return this.#enum();
      default:
        throw cursor.wrong(offset, 'a Java value: 70, 71, 73, 74 or 7E', tag.toString(16));
    }
  }

  #referred(offset: number): JavaValue {
    const found = this.#handle();
    if (
      found !== undefined &&
      (found === null || typeof found !== 'object' || !('javaClass' in found))
    ) {
      return found;
    }
    throw this.#cursor.wrong(offset, 'a reference to an earlier value', 'one to something else');
  }

  #handle(): JavaValue | {readonly javaClass: JavaClass} | undefined {
    return this.#handles[this.#cursor.unsignedInt() - REFERENCE_BASE];
  }

  #object(): JavaObject {
    const javaClass = this.#needClass();
    const handle = this.#handles.push(undefined) - 1;
    const fields = new Map<string, JavaValue>();
    for (const part of lineOf(javaClass)) {
      for (const {type, name} of part.fields) {
        fields.set(
          name,
          type === 'Z' ? this.#cursor.flag(name) : this.#cursor.in(name, () => this.value()),
        );
      }
    }
    const object = {className: javaClass.name, fields};
    this.#handles[handle] = object;
    return object;
  }

  #enum(): JavaEnum {
    const {name} = this.#needClass();
    const handle = this.#handles.push(undefined) - 1;
    const offset = this.#cursor.offset;
    const constant = this.value();
    if (typeof constant !== 'string') {
      throw this.#cursor.wrong(offset, 'the name of an enum constant', 'another value');
    }
    const value = {className: name, constant};
    this.#handles[handle] = value;
    return value;
  }

  #needClass(): JavaClass {
    const offset = this.#cursor.offset;
    const javaClass = this.#class();
    if (javaClass !== null) return javaClass;
    throw this.#cursor.wrong(offset, 'a class', 'none');
  }

  #class(): JavaClass | null {
    return this.#cursor.nested('Java class', () => this.#taggedClass());
  }

  #taggedClass(): JavaClass | null {
    const cursor = this.#cursor;
    const offset = cursor.offset;
    const tag = cursor.unsignedByte();
    if (tag === NULL) return null;
    if (tag === REFERENCE) {
      const found = this.#handle();
      if (typeof found === 'object' && found !== null && 'javaClass' in found)
        return found.javaClass;
      throw cursor.wrong(offset, 'a reference to an earlier class', 'one to something else');
    }
    if (tag !== CLASS) throw cursor.wrong(offset, 'a Java class: 70, 71 or 72', tag.toString(16));
    const name = cursor.text();
    cursor.long();
    const handle = this.#handles.push(undefined) - 1;
    cursor.unsignedByte();
    const fields = this.#fields();
    const endOffset = cursor.offset;
    const end = cursor.unsignedByte();
    if (end !== END_OF_CLASS)
      throw cursor.wrong(endOffset, 'the end of a class, 78', end.toString(16));
    const javaClass = {name, fields, parent: this.#class()};
    this.#handles[handle] = {javaClass};
    return javaClass;
  }

  #fields(): JavaClass['fields'] {
    const cursor = this.#cursor;
    const countOffset = cursor.offset;
    const count = cursor.unsignedShort();
    if (count > FIELDS_MAX)
      throw cursor.wrong(countOffset, `at most ${FIELDS_MAX} fields`, String(count));
    return Array.from({length: count}, () => {
      const offset = cursor.offset;
      const type = String.fromCharCode(cursor.unsignedByte());
      if (type !== 'Z' && type !== 'L') {
        throw cursor.wrong(offset, 'a field of type Z or L', JSON.stringify(type));
      }
      const name = cursor.text();
      if (type === 'L') this.value();
      return {type, name};
    });
  }
}

/** The fields of a super class come before those of what extends it. */
function lineOf(javaClass: JavaClass): readonly JavaClass[] {
  const line: JavaClass[] = [];
  for (let part: JavaClass | null = javaClass; part !== null; part = part.parent)
    line.unshift(part);
  return line;
}
