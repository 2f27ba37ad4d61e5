import {name, type Code} from './code.ts';

/**
 * Compiles `body` into a function of `parameters`. `constants` are values that the text refers to by
 * name (tables, helper functions, typed arrays). `label` is the function's name, for profiles and
 * stacks. The only `new Function` of the project.
 *
 * The caller states the function's type; a text that does not match it is our mistake.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a text has no type of its own
export function compile<F>(
  label: string,
  parameters: readonly Code[],
  body: Code,
  constants: Readonly<Record<string, unknown>> = {},
): F {
  const names = Object.keys(constants);
  const outer = new Function(
    ...names,
    `'use strict'; return function ${name(label).toString()}(${parameters.map(String).join(', ')}) {\n${body.toString()}\n}`,
  ) as (...values: unknown[]) => F;
  return outer(...names.map((key) => constants[key]));
}
