// Rows of states as they were printed: a number keeps its digits, whatever a double could hold of them.

/** A token of JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;
/** So many significant digits say which double it is, and a double shows them again. */
const DOUBLE_DIGITS = 15;

/** The members of a JSON object, in their order, each as the text that it has there. */
export function membersOf(object: string): readonly (readonly [name: string, text: string])[] {
  const members: [string, string][] = [];
  let depth = 0;
  let name: string | null = null;
  let value = '';
  const end = (): void => {
    if (name !== null) members.push([name, value]);
    name = null;
    value = '';
  };
  const take = (token: string): void => {
    if (name === null) name = JSON.parse(token) as string;
    // The colon behind the name is none of the value.
    else if (depth > 1 || token !== ':') value += token;
  };
  for (const [token] of object.matchAll(TOKEN)) {
    const isOpening = token === '{' || token === '[';
    if (token === '}' || token === ']') depth -= 1;
    if (depth === 0 || (depth === 1 && token === ',')) end();
    else take(token);
    if (isOpening) depth += 1;
  }
  return members;
}

/** The value of a scalar; a number that a double does not hold is its digits, as a string. */
export function exactValue(text: string): string | number | boolean | null {
  const value = JSON.parse(text) as string | number | boolean | null;
  if (typeof value !== 'number' || /[eE]/u.test(text)) return value;
  if (!text.includes('.')) return Number.isSafeInteger(value) ? value : text;
  const digits = text.replace(/[-.]/gu, '').replace(/^0+|0+$/gu, '');
  return digits.length <= DOUBLE_DIGITS || String(value) === text ? value : text;
}
