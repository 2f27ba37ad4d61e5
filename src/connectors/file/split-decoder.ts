import {must} from '../../base/assert.ts';
import type {RecordDecoder} from '../../formats/decoder.ts';
import {csvDecoder} from '../../formats/csv-decoder.ts';
import {jsonDecoder} from '../../formats/json-decoder.ts';
import type {SourceSpec} from '../../job/job-spec.ts';

/** A decoder for one split after the other: of the columns of `source.schema`, in its order. */
export function splitDecoder(source: SourceSpec): RecordDecoder {
  const wanted = source.schema.fields.map(({name}) =>
    must(
      source.columns.find((column) => column.name === name),
      `column ${name} of the source`,
    ),
  );
  const maxRecordSize = source.maxRecordBytes ?? undefined;
  const {options} = source;
  if (options['format'] === 'json') return jsonDecoder({wanted, maxRecordSize});
  return csvDecoder({
    wanted,
    // Never out of the schema: it may be narrowed to what the job reads.
    columns: options['columns'] as readonly string[] | undefined,
    delimiter: options['delimiter'] as string | undefined,
    nullText: options['null-text'] as string | undefined,
    maxRecordSize,
  });
}
