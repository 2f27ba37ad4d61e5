import type {Template} from './template.ts';

export const windowedAggregate: Template = {
  name: 'windowed-aggregate',
  summary: 'CSV in, one row for each sensor and minute out',
  job: `# Readings of each sensor, minute by minute of event time.
name: windowed-aggregate

sources:
  readings:
    connector: file
    path: data/readings*.csv
    format: csv
    schema:
      time: timestamp
      sensor: string
      celsius: double
    # A reading may come so much later than a younger one; what is later still is dropped, and counted.
    watermark: {column: time, max-out-of-orderness: 30s}

steps:
  - id: per-minute
    type: aggregate
    input: readings
    group-by: [sensor]
    window: {tumbling: 1 min}
    select:
      minute: window_start
      readings: COUNT(*)
      lowest: MIN(celsius)
      highest: MAX(celsius)

sinks:
  out:
    connector: file
    input: per-minute
    path: out/
    format: json
    mode: overwrite # another run replaces what this one wrote

checkpointing:
  interval: 10s
  min-pause: 5s
  dir: file:./state/checkpoints
`,
  data: {
    'readings.csv': `time,sensor,celsius
2026-01-01T08:00:05Z,attic,18.5
2026-01-01T08:00:10Z,cellar,9.25
2026-01-01T08:01:02Z,attic,18.75
2026-01-01T08:00:58Z,attic,19.5
2026-01-01T08:01:30Z,cellar,9.5
2026-01-01T08:02:15Z,attic,20.25
`,
  },
  expected: [
    '{"sensor":"attic","minute":"2026-01-01T08:00:00Z","readings":2,"lowest":18.5,"highest":19.5}',
    '{"sensor":"attic","minute":"2026-01-01T08:01:00Z","readings":1,"lowest":18.75,"highest":18.75}',
    '{"sensor":"attic","minute":"2026-01-01T08:02:00Z","readings":1,"lowest":20.25,"highest":20.25}',
    '{"sensor":"cellar","minute":"2026-01-01T08:00:00Z","readings":1,"lowest":9.25,"highest":9.25}',
    '{"sensor":"cellar","minute":"2026-01-01T08:01:00Z","readings":1,"lowest":9.5,"highest":9.5}',
  ],
};
