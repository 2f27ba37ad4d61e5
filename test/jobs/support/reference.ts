// What the shipped jobs must give, computed in another way: JSON.parse, papaparse and plain loops.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import Papa from 'papaparse';

import {ROOT} from '../../kills/support/process.ts';

const DATA = join(ROOT, 'node_modules/vega-datasets/data');

export type Row = Record<string, string | number | null>;

interface Flight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
}

/** Rows of `jobs/airport-delays`. */
export function airportDelays(): Row[] {
  const flights = JSON.parse(readFileSync(join(DATA, 'flights-20k.json'), 'utf8')) as Flight[];
  const groups = new Map<string, Flight[]>();
  for (const flight of flights) {
    if (flight.delay <= 15) continue;
    const day = flight.date.slice(0, 10).replaceAll('/', '-');
    const key = `${flight.origin} ${day}`;
    groups.set(key, [...(groups.get(key) ?? []), flight]);
  }
  return [...groups].map(([key, late]) => {
    const [origin = '', day = ''] = key.split(' ');
    const delays = late.map((flight) => flight.delay);
    return {
      origin,
      day: `${day}T00:00:00Z`,
      flights: late.length,
      mean_delay: delays.reduce((sum, delay) => sum + delay, 0) / late.length,
      worst: Math.max(...delays),
      miles: late.reduce((sum, flight) => sum + flight.distance, 0),
    };
  });
}

/** Rows of `jobs/two-speeds`. */
export function twoSpeeds(): Row[] {
  const flights = ['flights-20k.json', 'flights-2k.json'].flatMap(
    (name) => JSON.parse(readFileSync(join(DATA, name), 'utf8')) as Flight[],
  );
  const days = new Map<string, Row & {flights: number; late: number; minutes: number}>();
  for (const {origin, date, delay} of flights) {
    const day = `${date.slice(0, 10).replaceAll('/', '-')}T00:00:00Z`;
    const key = `${origin} ${day}`;
    const row = days.get(key) ?? {origin, day, flights: 0, late: 0, minutes: 0};
    row.flights += 1;
    row.late += delay > 15 ? 1 : 0;
    row.minutes += delay;
    days.set(key, row);
  }
  return [...days.values()];
}

/** The newest row of each state of `jobs/bird-strikes`. */
export function birdStrikes(): Row[] {
  const text = readFileSync(join(DATA, 'birdstrikes.csv'), 'utf8');
  const {data} = Papa.parse<Record<string, string>>(text, {header: true, skipEmptyLines: true});
  const groups = new Map<string, number[]>();
  for (const strike of data) {
    const state = strike['Origin State'] ?? '';
    groups.set(state, [...(groups.get(state) ?? []), Number(strike['Cost Total $'])]);
  }
  return [...groups].map(([state, costs]) => ({
    state: state === '' ? null : state,
    strikes: costs.length,
    with_cost: costs.filter((cost) => cost > 0).length,
    total_cost: costs.reduce((sum, cost) => sum + cost, 0),
    highest: Math.max(...costs),
  }));
}

/** Rows as text, sorted: to compare multisets. Doubles to 1e-9 relative. */
export function asMultiset(rows: readonly Row[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(row, (_key, value: unknown) =>
        typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(10) : value,
      ),
    )
    .sort();
}
