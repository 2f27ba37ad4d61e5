import type {ConnectorSpec} from '../../job/operator-spec.ts';

export const blackholeSpec: ConnectorSpec = {
  type: 'blackhole',
  role: 'sink',
  description: 'Counts the rows and drops them.',
  fields: [
    {
      name: 'rate-limit',
      type: {kind: 'number', minimum: 0.001, maximum: 1e12},
      description: 'Rows per second that each subtask takes, to rehearse back-pressure.',
      example: '1000',
    },
  ],
};
