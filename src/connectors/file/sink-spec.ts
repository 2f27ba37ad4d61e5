import type {ConnectorSpec} from '../../job/operator-spec.ts';

/** Smaller parts cost more in names and syncs than they bring. */
const ROLL_BYTES_MIN = 65_536;

export const fileSinkSpec: ConnectorSpec = {
  type: 'file',
  role: 'sink',
  description: 'Part files that appear, each whole, when their checkpoint is complete.',
  exactlyOnce: true,
  fields: [
    {
      name: 'path',
      type: {kind: 'path'},
      required: true,
      description: 'Directory of the part files; it is made when it is not there.',
      example: 'out/',
    },
    {
      name: 'format',
      type: {kind: 'choice', values: ['json', 'csv']},
      default: 'json',
      description: 'JSON lines, or CSV.',
      example: 'json',
    },
    {
      name: 'mode',
      type: {kind: 'choice', values: ['append', 'overwrite', 'error-if-exists']},
      default: 'append',
      description:
        'At a fresh start: leave older part files, remove those of earlier runs of this sink, or refuse.',
      example: 'overwrite',
    },
    {
      name: 'roll-size',
      type: {kind: 'size'},
      description:
        'A part that has reached this size is closed and another begun; none: one for each checkpoint.',
      example: '128mb',
    },
    {
      name: 'header',
      type: {kind: 'boolean'},
      default: true,
      description: 'CSV: each part begins with the names of the columns.',
      example: 'true',
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
      description: 'CSV: what stands for NULL.',
      example: 'NA',
    },
  ],
  check(request) {
    const rollSize = request.options['roll-size'];
    if (typeof rollSize === 'number' && rollSize < ROLL_BYTES_MIN) {
      request.report({path: ['roll-size'], message: `is at least ${ROLL_BYTES_MIN} bytes`});
    }
  },
};
