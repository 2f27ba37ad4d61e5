// A job file's bytes → a validated job, or every finding. No file is read here: the caller hands the
// bytes, at most MAX_JOB_FILE_BYTES of them.

import {dirname} from 'node:path';

import {advise} from './advise.ts';
import type {AdviceFacts} from './advise.ts';
import {applyOverrides} from './apply-overrides.ts';
import type {Overrides} from './apply-overrides.ts';
import {decodeJobFile} from './decode-job-file.ts';
import {FindingList} from './finding.ts';
import type {Finding} from './finding.ts';
import {interpolate, redactFinding} from './interpolate.ts';
import type {Environment, UsedVariables} from './interpolate.ts';
import type {JobSpec} from './job-spec.ts';
import type {Catalog} from './operator-spec.ts';
import {parseYaml} from './parse-yaml.ts';
import {readJob} from './read-job.ts';
import {readLint} from './read-lint.ts';
import {RUNTIME_SUPPORT} from './runtime-support.ts';
import type {RuntimeSupport} from './runtime-support.ts';
import {scanYaml} from './scan-yaml.ts';
import {SourceText} from './source-text.ts';
import type {YamlMap} from './yaml-node.ts';
import {sha256Hex} from '../base/checksum.ts';

export interface LoadRequest {
  /** Absolute path of the job file: for messages, and where relative paths start. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly catalog: Catalog;
  readonly environment: Environment;
  readonly overrides?: Overrides | undefined;
  readonly support?: RuntimeSupport | undefined;
}

export type LoadResult =
  | {
      readonly kind: 'ok';
      readonly job: JobSpec;
      /** Warnings. */
      readonly findings: readonly Finding[];
      /** The warnings, and the advice that `validate` gives beside them. */
      advise(facts: AdviceFacts): readonly Finding[];
    }
  | {readonly kind: 'invalid'; readonly findings: readonly Finding[]};

export function loadJob(request: LoadRequest): LoadResult {
  const findings = new FindingList();
  const used: UsedVariables = new Map();
  const loaded = load(request, used, findings);
  const off = loaded?.off ?? new Set();
  const shown = (): readonly Finding[] =>
    findings
      .sorted()
      .filter(({severity, rule}) => severity === 'error' || !off.has(rule))
      .map((finding) => redactFinding(finding, used));
  const job = loaded?.job;
  if (job === undefined || findings.hasErrors) return {kind: 'invalid', findings: shown()};
  return {
    kind: 'ok',
    job,
    findings: shown(),
    advise(facts) {
      advise({root: loaded!.root, job, catalog: request.catalog, facts}, findings);
      return shown();
    },
  };
}

interface Loaded {
  readonly root: YamlMap;
  readonly job: JobSpec | undefined;
  /** Rules whose warnings are not given. */
  readonly off: ReadonlySet<string>;
}

function load(
  request: LoadRequest,
  used: UsedVariables,
  findings: FindingList,
): Loaded | undefined {
  const root = parseRoot(request, findings);
  if (root === undefined) return undefined;
  const overridden = applyOverrides(root, request.overrides ?? {flink: [], set: []}, findings);
  const map = interpolate(overridden, request.environment, used, findings);
  if (map.kind !== 'map') return undefined;
  const context = {findings, directory: dirname(request.file)};
  const off = readLint(map, context);
  const job = readJob(map, {
    file: request.file,
    hash: sha256Hex(request.bytes),
    catalog: request.catalog,
    support: request.support ?? RUNTIME_SUPPORT,
    context,
  });
  return {root: map, job, off};
}

function parseRoot(request: LoadRequest, findings: FindingList): YamlMap | undefined {
  const text = decodeJobFile(request.bytes, findings);
  if (text === null) return undefined;
  const origin = new SourceText(text, null);
  if (!scanYaml(origin, findings)) return undefined;
  const root = parseYaml(origin, findings);
  if (findings.hasErrors) return undefined;
  if (root?.kind === 'map') return root;
  const isEmpty = root === null || (root.kind === 'scalar' && root.value === null);
  findings.error(
    isEmpty ? 'job-empty' : 'job-not-a-map',
    {origin, start: root?.start ?? 0},
    isEmpty ? `no job in ${request.file}` : 'a job file is a map with name, sources, steps, sinks',
    'a job file has name, sources, steps and sinks; jobs/airport-delays/airport-delays.job.yaml is an example',
  );
  return undefined;
}
