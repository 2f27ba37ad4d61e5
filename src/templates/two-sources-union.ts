import type {Template} from './template.ts';

export const twoSourcesUnion: Template = {
  name: 'two-sources-union',
  summary: 'two sources of different form, one stream, a total for each product',
  job: `# Sales of the web shop (JSON) and of the store (CSV), made alike, put together and summed up.
name: two-sources-union

sources:
  web:
    connector: file
    path: data/web*.ndjson
    format: json
    schema:
      product: {type: string, path: item.name}
      pieces: {type: int, path: item.count}
  store:
    connector: file
    path: data/store*.csv
    format: csv
    schema:
      product: string
      pieces: int

steps:
  - id: sales
    type: union
    input: [web, store]
  - id: totals
    type: aggregate
    input: sales
    group-by: [product]
    emit: at-end # both sources end; without an end: on-update
    select:
      sales: COUNT(*)
      pieces: SUM(pieces)

sinks:
  out:
    connector: file
    input: totals
    path: out/
    format: json
    mode: overwrite # another run replaces what this one wrote

checkpointing:
  interval: 10s
  min-pause: 5s
  dir: file:./state/checkpoints
`,
  data: {
    'web.ndjson': `{"item":{"name":"lamp","count":2},"customer":"ada"}
{"item":{"name":"desk","count":1},"customer":"grace"}
{"item":{"name":"lamp","count":1},"customer":"edsger"}
`,
    'store.csv': `product,pieces
chair,4
lamp,3
`,
  },
  expected: [
    '{"product":"chair","sales":1,"pieces":4}',
    '{"product":"desk","sales":1,"pieces":1}',
    '{"product":"lamp","sales":3,"pieces":6}',
  ],
};
