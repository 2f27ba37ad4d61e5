// What an expression may cost. All of it is checked before or while it is parsed, except the string
// limits, which are checked per value.

/** In UTF-16 units. */
export const MAX_EXPRESSION_LENGTH = 16 * 1024;

/** Parentheses, calls and CASEs inside one another. A chain such as `a + b + c` is one level. */
export const MAX_EXPRESSION_DEPTH = 64;

/** Operators, functions, columns and literals. */
export const MAX_EXPRESSION_NODES = 2_000;

/** The longest string that a function may make; LPAD and nested REPLACE could otherwise take all memory. */
export const MAX_STRING_BYTES = 16 * 1024 * 1024;

/** The text that one expression may make for one batch; offsets in it are 32-bit. */
export const MAX_ARENA_BYTES = 1024 * 1024 * 1024;

/** Compiled patterns kept by an expression whose pattern is not a constant. */
export const MAX_CACHED_PATTERNS = 100;
