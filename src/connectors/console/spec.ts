import type {ConnectorSpec} from '../../job/operator-spec.ts';

export const consoleSpec: ConnectorSpec = {
  type: 'console',
  role: 'sink',
  description:
    'Shows rows at once: a table on a terminal, JSON lines in a pipe. At-least-once: after a failure rows are shown again.',
  fields: [
    {
      name: 'limit',
      type: {kind: 'count', minimum: 1, maximum: Number.MAX_SAFE_INTEGER},
      description: 'Shows only so many rows of each subtask; the others are counted.',
      example: '20',
    },
  ],
};
