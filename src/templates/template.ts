export type TemplateName = 'filter-to-file' | 'windowed-aggregate' | 'two-sources-union';

/** What `init` can write: a job that runs as it is, its data, and a test of it. */
export interface Template {
  /** kebab-case; also the job's name. */
  readonly name: TemplateName;
  readonly summary: string;
  /** Of the job; `<name>.job.yaml`. */
  readonly job: string;
  /** File name in `data/` → content. */
  readonly data: Readonly<Record<string, string>>;
  /** The lines of all output files, in any order. */
  readonly expected: readonly string[];
}

export const EXPECTED_FILE = 'expected.txt';
export const TEST_FILE = 'test.sh';

/** Relative path → content, in the order in which they are written. */
export function filesOf(template: Template): ReadonlyMap<string, string> {
  return new Map([
    [jobFileOf(template), template.job],
    ...Object.entries(template.data).map(([name, text]): [string, string] => [
      `data/${name}`,
      text,
    ]),
    [EXPECTED_FILE, `${template.expected.join('\n')}\n`],
    [TEST_FILE, testScript(template)],
  ]);
}

export function jobFileOf({name}: Template): string {
  return `${name}.job.yaml`;
}

/** POSIX shell: runs the job in a copy, so that neither its output nor its checkpoints are touched. */
function testScript(template: Template): string {
  return `#!/bin/sh
# Runs the job over data/ and compares its output, line by line in any order, with ${EXPECTED_FILE}.
# Ends with 0 when they are equal. Another tidemark than the one in PATH: TIDEMARK="node /path/to/run.js".
set -eu
cd "$(dirname "$0")"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R ${jobFileOf(template)} data "$copy"
if ! \${TIDEMARK:-tidemark} run "$copy/${jobFileOf(template)}" --no-input >"$copy/log" 2>&1; then
  cat "$copy/log" >&2
  echo 'FAILED: the job did not finish' >&2
  exit 1
fi
# A part of which nothing is committed has a name that begins with a dot or an underscore.
find "$copy/out" -type f ! -name '.*' ! -name '_*' -exec cat {} + | LC_ALL=C sort >"$copy/actual"
LC_ALL=C sort ${EXPECTED_FILE} >"$copy/expected"
if ! diff "$copy/expected" "$copy/actual"; then
  echo 'FAILED: lines with < are missing, lines with > are too many' >&2
  exit 1
fi
echo 'passed: the output is as expected'
`;
}
