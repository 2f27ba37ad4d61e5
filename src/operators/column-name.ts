/** What an output column may be called: any name that an expression can refer to, at most 255 characters. */
export const COLUMN_NAME_PATTERN = /^[^\p{Cc}`"]{1,255}$/u;
