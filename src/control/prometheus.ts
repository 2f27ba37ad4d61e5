// Prometheus's text format 0.0.4.

import type {JobView} from '../runtime/job-view.ts';
import {METRICS, type MetricSample} from './metric-table.ts';

export function prometheusText(view: JobView): string {
  const common = {job_id: view.jobId, job_name: view.name};
  const lines: string[] = [];
  for (const {name, type, help, read} of METRICS) {
    const samples = read(view);
    if (samples.length === 0) continue;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const sample of samples) lines.push(`${name}${labelsOf(common, sample)} ${sample.value}`);
  }
  return `${lines.join('\n')}\n`;
}

function labelsOf(common: Readonly<Record<string, string>>, {labels}: MetricSample): string {
  const pairs = Object.entries({...common, ...labels});
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
