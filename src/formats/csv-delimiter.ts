import {EngineError} from '../base/errors.ts';

/** The byte of a delimiter as a job file names it. Throws JOB_INVALID. */
export function delimiterByte(delimiter: string): number {
  const byte = delimiter.length === 1 ? delimiter.charCodeAt(0) : 0;
  if (!/^[\t -~]$/.test(delimiter) || /[\w".+-]/.test(delimiter)) {
    throw new EngineError('JOB_INVALID', `delimiter ${JSON.stringify(delimiter)} is not usable`, {
      hint: 'Use one character that stands neither in numbers nor for quotes: "," ";" "|" or a tab.',
    });
  }
  return byte;
}
