import type {Mutant} from './mutant.ts';

const json = 'formats/json-decoder.js';
const csv = 'formats/csv-decoder.js';
const frame = 'formats/decode-frame.js';

export const DECODER_MUTANTS: readonly Mutant[] = [
  {
    name: 'decoder: lines behind an array are read as its elements are',
    rows: 'restart of a decoder',
    module: json,
    find: 'this.#layout = this.#lines;\n        if',
    replace: 'if',
    prover: 'decoder-restart',
  },
  {
    name: 'decoder: the lines of a further split are counted on',
    rows: 'restart of a decoder',
    module: json,
    find: 'this.#frame.restart(1);',
    replace: '',
    prover: 'decoder-restart',
  },
  {
    name: 'decoder: a further split is read with the header of the one before',
    rows: 'restart of a decoder',
    module: csv,
    find: 'const known = isDeepStrictEqual(fields, this.#fields);',
    replace: 'const known = true;',
    prover: 'decoder-restart',
  },
  {
    name: 'decoder: a bad header of the split before fails this one',
    rows: 'restart of a decoder',
    module: frame,
    find: 'this.line = line;\n        this.badRecords = [];',
    replace: 'this.line = line;',
    prover: 'decoder-restart',
  },
  {
    name: 'decoder: a line that is too long is waited for, for ever',
    rows: 'max-record-size',
    module: frame,
    find: 'if (this.isCut)\n            return;',
    replace: '',
    prover: 'decoder-restart',
  },
];
