// A validation report as text, GitHub annotations and JUnit; a verification as JUnit.

import {relative} from 'node:path';
import {escapeLines, escapeText, toXml} from './text.ts';
import {countOf} from './units.ts';
import type {Style} from './style.ts';
import type {FileFinding, ValidatedFile, ValidationReport, VerifyEvent} from '../../src/index.ts';

/** One line for each finding, `file:line:column` first so that editors can jump to it; then the count. */
export function validationText(report: ValidationReport, style: Style): string[] {
  const lines = report.files.flatMap(({file, findings}) =>
    findings.map((finding) => findingLine(file, finding, style)),
  );
  const count = `${countOf(report.errors, 'error')}, ${countOf(report.warnings, 'warning')} in ${countOf(report.files.length, 'file')}`;
  return [...lines, report.errors === 0 ? style.good(count) : style.bad(count)];
}

function findingLine(file: string, finding: FileFinding, style: Style): string {
  const colour = finding.severity === 'error' ? style.bad : style.warn;
  const suggestion = finding.suggestion === null ? '' : `; ${escapeText(finding.suggestion)}`;
  return `${place(file, finding)}: ${colour(finding.severity)}: ${escapeText(finding.message)}${suggestion} ${style.dim(`[${finding.rule}]`)}`;
}

function place(file: string, finding: FileFinding): string {
  const parts = [shown(file), finding.line, finding.column];
  return escapeText(parts.filter((part) => part !== null).join(':'));
}

/** Relative to the working directory while that is below it. */
function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path === '' || path.startsWith('..') ? file : path;
}

/** Workflow commands: GitHub shows them on the changed lines of a pull request. */
export function validationAnnotations(report: ValidationReport): string[] {
  return report.files.flatMap(({file, findings}) =>
    findings.map((finding) => {
      const properties = [
        `file=${escapeProperty(shown(file))}`,
        ...(finding.line === null ? [] : [`line=${finding.line}`]),
        ...(finding.column === null ? [] : [`col=${finding.column}`]),
        `title=${escapeProperty(finding.rule)}`,
      ];
      const suggestion = finding.suggestion === null ? '' : `; ${finding.suggestion}`;
      return `::${finding.severity} ${properties.join(',')}::${escapeData(finding.message + suggestion)}`;
    }),
  );
}

/** A finding of a verification as a workflow command; GitHub shows them with the run. */
export function findingAnnotation(finding: Extract<VerifyEvent, {type: 'finding'}>): string {
  const {severity, path, code, message, expected, found} = finding;
  const command = severity === 'error' ? 'error' : 'notice';
  const compared =
    expected === null && found === null
      ? ''
      : ` (expected ${expected ?? 'nothing'}, found ${found ?? 'nothing'})`;
  const properties = `file=${escapeProperty(shown(path))},title=${escapeProperty(code)}`;
  return `::${command} ${properties}::${escapeData(message + compared)}`;
}

/** Control characters of a name or a record reach no log and no terminal; line breaks as GitHub reads them. */
function escapeData(text: string): string {
  return escapeLines(text).replaceAll('%', '%25').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

export interface JunitCase {
  readonly name: string;
  /** Empty: passed. */
  readonly failures: readonly string[];
  /** Hints and warnings; shown, but no failure. */
  readonly remarks: readonly string[];
  /** Why it neither failed nor passed; null: it did. */
  readonly skipped: string | null;
}

/** A JUnit file: one suite, a case for each thing that was checked. */
export function junitXml(suite: string, cases: readonly JunitCase[], seconds: number): string {
  const failed = cases.filter(({failures}) => failures.length > 0).length;
  const skipped = cases.filter(isSkipped).length;
  const counts = `tests="${cases.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tidemark" ${counts}>`,
    `  <testsuite name="${toXml(suite)}" ${counts}>`,
    ...cases.flatMap((checked) => junitCase(suite, checked)),
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

/** A failure says more. */
function isSkipped({failures, skipped}: JunitCase): boolean {
  return failures.length === 0 && skipped !== null;
}

function junitCase(suite: string, checked: JunitCase): string[] {
  const {name, failures, remarks, skipped} = checked;
  const open = `    <testcase classname="${toXml(suite)}" name="${toXml(name)}"`;
  if (failures.length + remarks.length === 0 && skipped === null) return [`${open}/>`];
  const lines = [`${open}>`];
  if (failures.length > 0) {
    const first = failures[0] ?? '';
    lines.push(`      <failure message="${toXml(first)}">${toXml(failures.join('\n'))}</failure>`);
  }
  if (isSkipped(checked)) lines.push(`      <skipped message="${toXml(skipped ?? '')}"/>`);
  if (remarks.length > 0) lines.push(`      <system-out>${toXml(remarks.join('\n'))}</system-out>`);
  return [...lines, '    </testcase>'];
}

export function validationCases(report: ValidationReport): JunitCase[] {
  return report.files.map((checked) => ({
    name: shown(checked.file),
    failures: messagesOf(checked, 'error'),
    remarks: messagesOf(checked, 'warning'),
    skipped: null,
  }));
}

function messagesOf({file, findings}: ValidatedFile, severity: FileFinding['severity']): string[] {
  return findings
    .filter((finding) => finding.severity === severity)
    .map((finding) => {
      const suggestion = finding.suggestion === null ? '' : `; ${finding.suggestion}`;
      return `${place(file, finding)}: ${finding.message}${suggestion} [${finding.rule}]`;
    });
}
