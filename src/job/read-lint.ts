import {LINT_FIELDS} from './job-fields.ts';
import {readFields} from './read-value.ts';
import type {ReadContext} from './read-scalar.ts';
import type {YamlMap} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';

/** Rules whose warnings the job file says not to give. */
export function readLint(root: YamlMap, context: ReadContext): ReadonlySet<string> {
  const section = valueOf(root, 'lint');
  if (section === null) return new Set();
  if (section.kind !== 'map') {
    const suggestion = 'write {off: [short-interval]}';
    context.findings.error('value-type', section, 'lint must be a map', suggestion);
    return new Set();
  }
  const off = readFields(section, LINT_FIELDS, 'lint', context)?.['off'];
  return new Set(Array.isArray(off) ? (off as readonly string[]) : []);
}
