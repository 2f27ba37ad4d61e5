// Program text can only be made by the tagged template below, so a user's string can never become
// program text: a string in a template becomes a string literal, a number a number literal, and only
// another Code or a Name goes in as it is.

/** A piece of program text. Made only by `code`, `name`, `literal` and `join`. */
export class Code {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  /** For this module only; `token` proves it. */
  static make(text: string, token: symbol): Code {
    if (token !== TOKEN) throw new Error('Code is made by the `code` template only');
    return new Code(text);
  }
}

const TOKEN = Symbol('code');

export type CodeValue = Code | string | number | bigint | boolean | null | readonly Code[];

/** The template: interpolated Codes stay, everything else becomes a literal; arrays are joined by line breaks. */
export function code(strings: TemplateStringsArray, ...values: readonly CodeValue[]): Code {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    text += render(value) + (strings[index + 1] ?? '');
  });
  return Code.make(text, TOKEN);
}

/** An identifier: `prefix` from our own source, plus an index that keeps it apart from others. */
export function name(prefix: string, index?: number): Code {
  const text = index === undefined ? prefix : `${prefix}_${index}`;
  if (!/^[A-Za-z_$][\w$]*$/.test(text)) throw new Error(`not an identifier: ${text}`);
  return Code.make(text, TOKEN);
}

export function literal(value: string | number | bigint | boolean | null): Code {
  return Code.make(render(value), TOKEN);
}

export function join(
  pieces: readonly Code[],
  separator: ', ' | '\n' | ' && ' | ' || ' | ' + ',
): Code {
  return Code.make(pieces.map(String).join(separator), TOKEN);
}

function render(value: CodeValue): string {
  if (value instanceof Code) return value.toString();
  if (Array.isArray(value)) return value.map(String).join('\n');
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
    case 'number':
      return Object.is(value, -0) ? '(-0)' : value < 0 ? `(${value})` : String(value);
    case 'bigint':
      return value < 0n ? `(${value}n)` : `${value}n`;
    case 'boolean':
      return String(value);
    default:
      return 'null';
  }
}
