import type {Template} from './template.ts';

export const filterToFile: Template = {
  name: 'filter-to-file',
  summary: 'JSON lines in, those that meet a condition out',
  job: `# Keeps the large orders, with the columns that are wanted.
name: filter-to-file

sources:
  orders:
    connector: file
    path: data/orders*.ndjson
    format: json
    schema:
      id: bigint
      customer: string
      amount: decimal(10,2)
      placed: timestamp
    on-bad-record: fail # or skip, or {dead-letter: bad/}

steps:
  - id: large
    type: filter
    input: orders
    where: amount >= 100
  - id: wanted
    type: project
    input: large
    select:
      id: id
      customer: UPPER(customer)
      amount: amount

sinks:
  out:
    connector: file
    input: wanted
    path: out/
    format: json
    mode: overwrite # another run replaces what this one wrote

checkpointing:
  interval: 10s
  min-pause: 5s
  dir: file:./state/checkpoints
`,
  data: {
    'orders.ndjson': `{"id":1,"customer":"ada","amount":250.00,"placed":"2026-01-01T08:00:00Z"}
{"id":2,"customer":"grace","amount":12.50,"placed":"2026-01-01T08:01:00Z"}
{"id":3,"customer":"edsger","amount":100.00,"placed":"2026-01-01T08:02:00Z"}
{"id":4,"customer":"barbara","amount":99.99,"placed":"2026-01-01T08:03:00Z"}
{"id":5,"customer":"leslie","amount":1999.95,"placed":"2026-01-01T08:04:00Z"}
`,
  },
  expected: [
    '{"id":1,"customer":"ADA","amount":250.00}',
    '{"id":3,"customer":"EDSGER","amount":100.00}',
    '{"id":5,"customer":"LESLIE","amount":1999.95}',
  ],
};
