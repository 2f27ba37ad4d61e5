// The pages of `tidemark explain`, by code. Loaded only when they are asked for.

import {ERROR_CODES} from '../base/errors.ts';
import type {ErrorCode} from '../base/errors.ts';
import {closest} from '../job/closest.ts';
import {RULES} from '../job/rules.ts';
import type {RuleId, RuleSeverity} from '../job/rules.ts';
import {CHECKPOINT_PAGES} from './checkpoint-pages.ts';
import {ERROR_PAGES} from './error-pages.ts';
import {FILE_PAGES} from './file-pages.ts';
import {FINDING_PAGES} from './finding-pages.ts';
import {GRAPH_PAGES} from './graph-pages.ts';
import {OPTION_PAGES} from './option-pages.ts';
import {ERROR_OF_FINDING, type FindingCode} from '../storage/finding.ts';
import type {Page} from './page.ts';
import {STATUS_PAGES} from './status-pages.ts';

export interface Explanation extends Page {
  readonly code: string;
  readonly type: 'rule' | 'finding' | 'error' | 'exit-status';
  /** Of a rule. */
  readonly severity: RuleSeverity | null;
  /** That a command ends with. */
  readonly exitStatus: number | null;
}

/** The compiler refuses a rule without a page. */
const RULE_PAGES: Readonly<Record<RuleId, Page>> = {
  ...FILE_PAGES,
  ...OPTION_PAGES,
  ...GRAPH_PAGES,
  ...CHECKPOINT_PAGES,
};

/** Rules, findings, error codes, exit statuses, in that order. */
export function allPages(): readonly Explanation[] {
  const rules = Object.entries(RULE_PAGES).map(([code, page]): Explanation => {
    const severity = RULES[code as RuleId];
    const exitStatus = severity === 'error' ? ERROR_CODES.JOB_INVALID : null;
    return {code, type: 'rule', severity, exitStatus, ...page};
  });
  const findings = Object.entries(FINDING_PAGES).map(([code, page]): Explanation => {
    const exitStatus = ERROR_CODES[ERROR_OF_FINDING[code as FindingCode]];
    return {code, type: 'finding', severity: null, exitStatus, ...page};
  });
  const errors = Object.entries(ERROR_PAGES).map(([code, page]): Explanation => {
    return {
      code,
      type: 'error',
      severity: null,
      exitStatus: ERROR_CODES[code as ErrorCode],
      ...page,
    };
  });
  const statuses = Object.entries(STATUS_PAGES).map(([code, page]): Explanation => {
    return {code, type: 'exit-status', severity: null, exitStatus: Number(code), ...page};
  });
  return [...rules, ...findings, ...errors, ...statuses];
}

export type PageSearch =
  | {readonly kind: 'found'; readonly page: Explanation}
  | {readonly kind: 'unknown'; readonly nearest: string | null};

/** In any case, and with brackets or without: as a finding prints it. */
export function findPage(written: string): PageSearch {
  const pages = allPages();
  const code = written.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const page = pages.find((each) => each.code.toLowerCase() === code);
  if (page !== undefined) return {kind: 'found', page};
  return {
    kind: 'unknown',
    nearest: closest(
      code,
      pages.map((each) => each.code),
    ),
  };
}
