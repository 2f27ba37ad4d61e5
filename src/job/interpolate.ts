// `${NAME}` and `${NAME:-default}` in string scalars, after parsing: whatever a value holds, it stays
// one scalar. `$${` is a literal `${`. Values are kept out of findings: `written` is left as it was.

import type {Finding, FindingList} from './finding.ts';
import type {Segment, YamlNode, YamlScalar} from './yaml-node.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names of variables that were used, and their values. */
export type UsedVariables = Map<string, string>;

const VARIABLE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?:(:-)([^}]*))?\})?/g;
/** A shorter value is part of too many words to be looked for in a message. */
const MIN_REDACTED_LENGTH = 3;

export function interpolate(
  node: YamlNode,
  environment: Environment,
  used: UsedVariables,
  findings: FindingList,
): YamlNode {
  switch (node.kind) {
    case 'list':
      return {
        ...node,
        items: node.items.map((item) => interpolate(item, environment, used, findings)),
      };
    case 'map':
      return {
        ...node,
        entries: node.entries.map((entry) => ({
          ...entry,
          value: interpolate(entry.value, environment, used, findings),
        })),
      };
    case 'scalar':
      if (typeof node.value !== 'string' || !node.value.includes('${')) return node;
      return interpolateText(node, node.value, environment, used, findings);
  }
}

function interpolateText(
  scalar: YamlScalar,
  raw: string,
  environment: Environment,
  used: UsedVariables,
  findings: FindingList,
): YamlScalar {
  const segments: Segment[] = [];
  let value = '';
  const append = (text: string, rawStart: number, variable: string | null): void => {
    if (text === '') return;
    segments.push({valueStart: value.length, rawStart, length: text.length, variable});
    value += text;
  };
  let rawEnd = 0;
  for (const match of raw.matchAll(VARIABLE)) {
    append(raw.slice(rawEnd, match.index), rawEnd, null);
    rawEnd = match.index + match[0].length;
    const [whole, name, , fallback] = match;
    if (whole === '$${') {
      append('${', match.index + 1, null);
    } else if (name === undefined) {
      findings.error(
        'variable-syntax',
        scalar,
        'a "${" here is not followed by a variable name and "}"',
        'write ${NAME} or ${NAME:-default}, or $${ for a literal ${',
      );
    } else {
      const text = lookUp(name, fallback, environment, used);
      if (text === null) refuseUnset(name, scalar, findings);
      else append(text, match.index, name);
    }
  }
  append(raw.slice(rawEnd), rawEnd, null);
  return {...scalar, value, segments};
}

/** Null: not set, and no default. */
function lookUp(
  name: string,
  fallback: string | undefined,
  environment: Environment,
  used: UsedVariables,
): string | null {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value === undefined || (value === '' && fallback !== undefined)) return fallback ?? null;
  used.set(name, value);
  return value;
}

function refuseUnset(name: string, scalar: YamlScalar, findings: FindingList): void {
  findings.error(
    'variable-not-set',
    scalar,
    `the environment variable ${name} is not set`,
    `set ${name}, or give a default: \${${name}:-default}`,
  );
}

/** The finding without any variable's value in its texts. */
export function redactFinding(finding: Finding, used: UsedVariables): Finding {
  const redact = (text: string): string => {
    let redacted = text;
    for (const [name, value] of used) {
      if (value.length < MIN_REDACTED_LENGTH) continue;
      redacted = redacted.replaceAll(value, `\${${name}}`);
    }
    return redacted;
  };
  return {
    ...finding,
    message: redact(finding.message),
    suggestion: finding.suggestion === null ? null : redact(finding.suggestion),
  };
}
