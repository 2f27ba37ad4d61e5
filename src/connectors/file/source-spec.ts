import type {ConnectorSpec} from '../../job/operator-spec.ts';

export const fileSourceSpec: ConnectorSpec = {
  type: 'file',
  role: 'source',
  description: 'Reads files: all that match now, or also those that appear later.',
  decodesRecords: true,
  fields: [
    {
      name: 'path',
      type: {
        kind: 'one-of',
        alternatives: [{kind: 'path'}, {kind: 'list', of: {kind: 'path'}, minimum: 1}],
      },
      required: true,
      description:
        'A file, a pattern (`*`, `?`, `[a-z]`, `{a,b}`, `**` for any directories), or a list of them. Files are read in the order of their names; gzip is told by the content.',
      example: 'data/flights-*.ndjson',
    },
    {
      name: 'format',
      type: {kind: 'choice', values: ['json', 'csv']},
      default: 'json',
      description: 'JSON lines or one JSON array (found out from the first byte), or CSV.',
      example: 'json',
    },
    {
      name: 'bounded',
      type: {kind: 'boolean'},
      default: true,
      description: 'False: goes on watching for new files, which must appear whole, by rename.',
      example: 'false',
    },
    {
      name: 'discovery-interval',
      type: {kind: 'duration'},
      default: '1s',
      description: 'With `bounded: false`: between two looks for new files.',
      example: '10s',
    },
    {
      name: 'ordered',
      type: {kind: 'boolean'},
      default: false,
      description:
        'The names of the files are in time order: unread ones do not hold the watermark back.',
      example: 'true',
    },
    {
      name: 'header',
      type: {kind: 'boolean'},
      default: true,
      description: 'CSV: the first record names the columns.',
      example: 'false',
    },
    {
      name: 'columns',
      type: {kind: 'list', of: {kind: 'string'}, minimum: 1},
      description:
        'CSV with `header: false`: the names of all columns of the file, in their order.',
      example: '[date, origin, delay]',
    },
    {
      name: 'delimiter',
      type: {kind: 'string', pattern: /^[^"\r\n]$/},
      default: ',',
      description: 'CSV: between two values, one ASCII character.',
      example: ';',
    },
    {
      name: 'null-text',
      type: {kind: 'string'},
      default: '',
      description: 'CSV: an unquoted value with this text is NULL.',
      example: 'NA',
    },
  ],
  isBounded: (options) => options['bounded'] !== false,
  check(request) {
    const interval = request.options['discovery-interval'];
    if (interval === 0) {
      request.report({path: ['discovery-interval'], message: 'is above 0'});
    }
    const {format, header, columns} = request.options;
    if (format !== 'csv') return;
    if (header !== false && columns !== undefined) {
      const message = 'the header names the columns; set `header: false` if there is none';
      request.report({path: ['columns'], message});
    }
    if (header === false && columns === undefined) {
      const message = 'without a header, `columns` names the columns of the file in their order';
      request.report({path: ['header'], message});
    }
  },
};
