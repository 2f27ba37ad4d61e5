// Jobs that are YAML but wrong (HOSTILE H14 to H19): typing errors, graphs that are none, names that
// would leave their directory, and variables that are missing or try to be more than a text.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, findingsOf, load, loaded} from './load.js';

describe('H14 job-typo-key', () => {
  test('an unknown key is an error with the likely one', () => {
    expect(findingsOf(`${PLAIN_JOB}chekpoint: {}\n`)[0]).toBe(
      '23:1 key-unknown: the job has no key "chekpoint" (did you mean "checkpointing"?)',
    );
    expect(findingsOf(PLAIN_JOB.replace('interval:', 'intervall:'))[0]).toContain(
      '(did you mean "interval"?)',
    );
    expect(findingsOf(PLAIN_JOB.replace('idle-timeout', 'idle-timout'))[0]).toContain(
      '8:60 key-unknown: sources.flights.watermark has no key "idle-timout"',
    );
  });
});

describe('H15 job-cycle', () => {
  const step = (id: string, input: string): string =>
    `  - {id: ${id}, type: filter, input: ${input}, where: delay > 1}\n`;
  const withSteps = (...steps: string[]): string =>
    PLAIN_JOB.replace(/steps:\n[^]*sinks:/, `steps:\n${steps.join('')}sinks:`).replace(
      'input: by-origin',
      'input: a',
    );

  test('a cycle is listed as a path, once', () => {
    const findings = findingsOf(withSteps(step('a', 'b'), step('b', 'c'), step('c', 'a')));
    expect(findings).toEqual([
      '10:10 graph-cycle: the steps are a cycle: a → c → b → a (take one of the inputs from elsewhere)',
    ]);
  });

  test('a step that takes itself is a cycle', () => {
    expect(findingsOf(withSteps(step('a', 'a')))[0]).toContain('a cycle: a → a');
  });

  test('a step behind a cycle is not one', () => {
    const findings = findingsOf(withSteps(step('a', 'b'), step('b', 'b'), step('d', 'b')));
    expect(findings.filter((finding) => finding.includes('graph-cycle'))).toHaveLength(1);
  });

  test('a dangling input is named with the likely one', () => {
    expect(findingsOf(withSteps(step('a', 'fligths')))).toEqual(
      [
        '10:34 input-unknown: steps.a: no source, step or side output is called "fligths" (did you mean "flights"?)',
      ].toSorted(() => 0),
    );
  });

  test('a duplicate uid is refused with both places', () => {
    expect(findingsOf(withSteps(step('a', 'flights'), step('a', 'flights')))[0]).toContain(
      '11:10 name-duplicate: step "a": step at 10:10 has this name',
    );
    expect(findingsOf(withSteps(step('flights', 'flights'))).join('\n')).toContain(
      'step "flights": source at 3:3 has this name',
    );
  });

  const aggregate = (id: string, input: string, late: string): string =>
    `  - {id: ${id}, type: aggregate, input: ${input}, group-by: [origin], select: {n: COUNT(*)}, late-to: ${late}}\n`;

  test('a cycle over a side output is one too', () => {
    const findings = findingsOf(withSteps(aggregate('a', 'b', 'tardy'), step('b', 'tardy')));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain('graph-cycle: the steps are a cycle: a → b → a');
  });

  test('a side output is an input, and of a wrong step it is not missed', () => {
    const text = withSteps(step('b', 'tardy'), aggregate('a', 'flights', 'tardy'));
    expect(loaded(text).steps.map(({uid}) => uid)).toEqual(['a', 'b']);
    expect(findingsOf(text.replace('COUNT(*)', 'COUNT(?)'))).toHaveLength(1);
  });

  test.each([
    ['flights', 'name-duplicate'],
    ['../x', 'uid-invalid'],
  ])('the side output %s is refused where it is named', (name, rule) => {
    const [finding] = findingsOf(withSteps(aggregate('a', 'flights', name)));
    expect(finding).toMatch(new RegExp(`^10:98 ${rule}`));
  });

  test('500 steps in the wrong order are sorted, 501 refused', () => {
    const names = Array.from({length: 500}, (_, index) => `s${index}`);
    const chain = names.map((name, index) => step(name, names[index - 1] ?? 'flights')).reverse();
    const text = withSteps(...chain).replace('input: a,', 'input: s499,');
    expect(loaded(text).steps.map(({uid}) => uid)).toEqual(names);
    expect(findingsOf(withSteps(...chain, step('more', 's1'))).join()).toContain(
      'at most 500 steps',
    );
  });

  test('an unused step is a warning', () => {
    const result = load(withSteps(step('a', 'flights'), step('b', 'a')));
    expect(result.kind).toBe('ok');
    expect(result.findings.map((finding) => [finding.rule, finding.severity])).toEqual([
      ['step-unused', 'warning'],
    ]);
  });
});

describe('H16 job-no-uid', () => {
  test('a stateful step without an id is refused with one to take', () => {
    const text = PLAIN_JOB.replace('  - id: by-origin\n    type', '  - type');
    expect(findingsOf(text)).toContainEqual(
      expect.stringContaining(
        '14:5 step-id-missing: steps[1] keeps state and has no id: state follows the id across edits of the job (id: late-aggregate)',
      ),
    );
  });
});

describe('H17 job-path-escape', () => {
  test.each(['../x', 'a/b', 'con', 'x'.repeat(300), 'a\u202Eb', 'A', '', '.', 'lpt1', 'a b', '-a'])(
    'the uid %j is refused for a step, a source and a sink',
    (uid) => {
      const quotedUid = JSON.stringify(uid);
      for (const text of [
        PLAIN_JOB.replace('- id: late', `- id: ${quotedUid}`),
        PLAIN_JOB.replace('  flights:', `  ${quotedUid}:`),
        PLAIN_JOB.replace('  out:', `  ${quotedUid}:`),
      ]) {
        const findings = findingsOf(text);
        expect(findings.join('\n')).toContain('uid-invalid');
        expect(findings.join('\n')).not.toContain('\u202E');
      }
    },
  );

  test.each(['../x', 'a/b', 'con', 'x'.repeat(300), 'a.', '.a'])(
    'the job name %j is refused',
    (name) => {
      const text = PLAIN_JOB.replace('name: delays', `name: ${JSON.stringify(name)}`);
      expect(findingsOf(text)[0]).toContain('1:7 job-name-invalid');
    },
  );
});

describe('H18 job-env-missing', () => {
  const text = PLAIN_JOB.replace('path: out/', 'path: "${OUTPUT}/${SECRET}"');

  test('the name is shown', () => {
    expect(findingsOf(text, {environment: {OUTPUT: 'somewhere'}})).toEqual([
      '20:50 variable-not-set: the environment variable SECRET is not set (set SECRET, or give a default: ${SECRET:-default})',
    ]);
  });

  test('a value is never shown, whatever is wrong with it', () => {
    const environment = {VALUE: 's3cr3t-value'};
    for (const [from, to] of [
      ['format: json', 'format: ${VALUE}'],
      ['connector: file\n', 'connector: ${VALUE}\n'],
      ['input: flights', 'input: ${VALUE}'],
      ['interval: 10s', 'interval: ${VALUE}'],
      ['name: delays', 'name: "/${VALUE}"'],
      ['where: delay > 15', 'where: ${VALUE} > delay ?'],
      ['group-by: [origin]', 'group-by: ["${VALUE}"]'],
      ['max-out-of-orderness: 5 min', 'max-out-of-orderness: "${VALUE}"'],
      ['origin: string', 'origin: "${VALUE}"'],
      ['interval: 10s', 'dir: "${VALUE}:x"'],
      ['    format: json', '    format: json\n    token: "${VALUE}"'],
    ] as const) {
      const findings = findingsOf(
        PLAIN_JOB.replace(from, () => to),
        {environment},
      ).join('\n');
      expect(findings).not.toContain('s3cr3t');
      expect(findings).toMatch(/VALUE|\*\*\*/);
    }
  });

  test('a secret field shows nothing of what stands in it', () => {
    const bad = PLAIN_JOB.replace('    format: json', '    format: json\n    token: HUNTER2');
    expect(findingsOf(bad)[0]).toContain('token must be a text that matches ^[a-z]+$, not ***');
  });
});

describe('H19 job-env-inject', () => {
  test('a value stays one scalar', () => {
    const value = 'a"\nname: evil\n\'- {x: y} # ${HOME} &a *b';
    const text = PLAIN_JOB.replace('path: out/', () => 'path: "${VALUE}"');
    const job = loaded(text, {environment: {VALUE: value}});
    expect(job.name).toBe('delays');
    expect(job.sinks[0]?.options['path']).toBe(`/jobs/${value}`);
  });

  test('defaults, empty values and literal dollars', () => {
    const where = (text: string, environment = {}): unknown =>
      loaded(
        PLAIN_JOB.replace('delay > 15 AND origin IS NOT NULL', () => text),
        {environment},
      ).steps[0]?.options['where'];
    expect(where('delay > ${N:-15}')).toBe('delay > 15');
    expect(where('delay > ${N:-15}', {N: '7'})).toBe('delay > 7');
    expect(where('delay > ${N:-15}', {N: ''})).toBe('delay > 15');
    expect(where("origin = '$${N}'")).toBe("origin = '${N}'");
    expect(where("origin = '$N $ {N}'".replace(' {N}', ''))).toBe("origin = '$N $'");
  });

  test('an unquoted reference in braces says what to do', () => {
    const text = PLAIN_JOB.replace('path: out/', () => 'path: ${VALUE}');
    expect(findingsOf(text)[0]).toMatch(/yaml-syntax: .* \(inside \{ \} and \[ \], quote a text/);
  });

  test('a broken reference is refused', () => {
    for (const text of ['${', '${}', '${1}', '${A', '${A-b}']) {
      const job = PLAIN_JOB.replace('path: out/', () => `path: "${text}"`);
      expect(findingsOf(job)[0]).toContain('variable-syntax');
    }
  });

  test('names are not looked up in the prototype', () => {
    const job = PLAIN_JOB.replace('path: out/', 'path: "${constructor}"');
    expect(findingsOf(job)[0]).toContain('variable-not-set');
  });
});
