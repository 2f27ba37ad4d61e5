import {Flags} from '@oclif/core';
import type {Interfaces} from '@oclif/core';

/** Of commands that read checkpoints which Flink wrote. Read with `valuesOf`. */
export function mapFlag(): Interfaces.OptionFlag<string[] | undefined> {
  return Flags.string({
    description:
      'Of a checkpoint of Apache Flink: look for files whose path begins with FROM below the directory TO. Without it, in the same place relative to the checkpoint.',
    helpValue: 'FROM=TO',
    multiple: true,
    multipleNonGreedy: true,
  });
}
