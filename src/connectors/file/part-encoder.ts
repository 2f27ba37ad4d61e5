import {csvEncoder} from '../../formats/csv-encoder.ts';
import {jsonEncoder} from '../../formats/json-encoder.ts';
import type {RowEncoder} from '../../formats/row-encoder.ts';
import type {SinkSpec} from '../../job/job-spec.ts';

export function partEncoder(sink: SinkSpec): RowEncoder {
  const {options, schema} = sink;
  if (options['format'] === 'json') return jsonEncoder(schema);
  return csvEncoder(schema, {
    header: options['header'] !== false,
    delimiter: options['delimiter'] as string | undefined,
    nullText: options['null-text'] as string | undefined,
  });
}
