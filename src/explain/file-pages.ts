import type {RuleId} from '../job/rules.ts';
import type {Page} from './page.ts';

const NO_ALIASES =
  'An anchor lets one part of a file stand in many places, and a few lines of them grow to gigabytes. A job file says everything where it is.';

/** Rules about the bytes of a job file and its YAML. */
export const FILE_PAGES = {
  'file-missing': {
    what: 'There is no job file of that name.',
    why: 'The name is looked for from the working directory; it is not searched for elsewhere.',
    fix: 'Check the spelling and the directory that you are in.',
    example: 'tidemark validate jobs/clicks/clicks.job.yaml',
  },
  'file-unreadable': {
    what: 'The job file is there and cannot be read.',
    why: 'It is a directory, a device, a link that is not followed, or you have no right to read it.',
    fix: 'Name a plain file that you may read.',
    example: 'ls -l my.job.yaml',
  },
  'file-too-large': {
    what: 'The file is larger than a job file may be (1 MiB).',
    why: 'No job is that long; it is most likely data, given by mistake.',
    fix: 'Give the job file, and name its data in the sources.',
    example: 'tidemark validate my.job.yaml',
  },
  'file-encoding': {
    what: 'A byte of the file is not UTF-8.',
    why: 'Guessing an encoding would change texts silently: names, paths, constants in expressions.',
    fix: 'Save the file as UTF-8. The finding names the first wrong byte.',
    example: 'iconv -f UTF-16 -t UTF-8 old.job.yaml > my.job.yaml',
  },
  'file-nul': {
    what: 'The file holds a NUL character.',
    why: 'It cannot stand in a path or a name, and a file that has one is seldom text.',
    fix: 'Remove it, or give the right file.',
    example: "tr -d '\\000' < old.job.yaml > my.job.yaml",
  },
  'file-control-character': {
    what: 'A character stands in the file that cannot be printed.',
    why: 'It could hide what the file says from whoever reads it, or write to their terminal.',
    fix: 'Remove it; in a double-quoted text write an escape.',
    example: 'delimiter: "\\u001f"',
  },
  'yaml-syntax': {
    what: 'The file is not YAML.',
    why: 'A line is not indented like its neighbours, a quote or a bracket is not closed, or a text begins with a character that means something else.',
    fix: 'Look at the place that is named, and at the line above it. Quote a text that holds ": " or " #".',
    example: 'where: "origin = \'a: b\'"',
  },
  'yaml-tab': {
    what: 'A tab indents a line.',
    why: 'YAML knows only spaces: how far a tab reaches depends on the editor.',
    fix: 'Replace it by spaces.',
    example: 'sources:\n  flights: …',
  },
  'yaml-too-deep': {
    what: 'Maps and lists are nested too deep.',
    why: 'No job needs it, and reading it would take more memory than a limit allows.',
    fix: 'Take out what does not belong there.',
    example: 'select: {flights: COUNT(*)}',
  },
  'yaml-too-many-keys': {
    what: 'A map has more keys than one may have.',
    why: 'Limits keep a file from taking the memory of the machine that checks it.',
    fix: 'Split the job in two.',
    example: 'tidemark validate part-1.job.yaml part-2.job.yaml',
  },
  'yaml-too-many-lines': {
    what: 'The file has more lines than a job file may have.',
    why: 'Limits keep a file from taking the memory of the machine that checks it.',
    fix: 'Split the job in two, and take out empty lines.',
    example: 'wc -l my.job.yaml',
  },
  'yaml-too-many-nodes': {
    what: 'The file holds more values than a job file may hold.',
    why: 'Limits keep a file from taking the memory of the machine that checks it.',
    fix: 'Split the job in two.',
    example: 'tidemark validate part-1.job.yaml part-2.job.yaml',
  },
  'yaml-explicit-key': {
    what: 'A key begins with "? ".',
    why: 'That form is for keys that are lists or maps, and keys here are texts.',
    fix: 'Write the key and a colon.',
    example: 'name: clicks',
  },
  'yaml-key': {
    what: 'A key is not a text.',
    why: 'YAML reads yes-no words, numbers and nothing as values of their own kind.',
    fix: 'Quote it.',
    example: 'schema: {"1": string}',
  },
  'yaml-duplicate-key': {
    what: 'A key stands twice in one map.',
    why: 'One of the two values would be ignored, and which one is a matter of taste among YAML readers.',
    fix: 'Remove one of them.',
    example: 'checkpointing:\n  interval: 10s',
  },
  'yaml-forbidden-key': {
    what: 'The key is one that JavaScript gives a meaning of its own.',
    why: 'With such a key a file could change how the program works.',
    fix: 'Choose another name.',
    example: 'select: {proto: MAX(delay)}',
  },
  'yaml-merge-key': {
    what: 'The merge key "<<" is used.',
    why: 'It is no part of YAML 1.2, and it needs anchors, which are refused too.',
    fix: 'Write the keys where they are meant.',
    example: 'checkpointing: {interval: 10s, timeout: 5 min}',
  },
  'yaml-anchor': {
    what: 'A value has an anchor (&name).',
    why: NO_ALIASES,
    fix: 'Remove the anchor; quote a text that begins with &.',
    example: "where: '&x'",
  },
  'yaml-alias': {
    what: 'An alias (*name) stands for a value.',
    why: NO_ALIASES,
    fix: 'Write the value once more; quote a text that begins with *.',
    example: "select: {flights: 'COUNT(*)'}",
  },
  'yaml-tag': {
    what: 'A value has a tag (!name).',
    why: 'What a value is follows from the field that it is for.',
    fix: 'Remove the tag; quote a text that begins with an exclamation mark.',
    example: "path: '!odd-name.json'",
  },
  'yaml-directive': {
    what: 'The file has a directive (%YAML, %TAG).',
    why: 'A job file is always YAML 1.2, and has no tags.',
    fix: 'Remove the line.',
    example: 'name: clicks',
  },
  'yaml-documents': {
    what: 'A second document begins in the file.',
    why: 'A file holds one job: which of two would be run?',
    fix: 'Put the second one into a file of its own.',
    example: 'tidemark validate one.job.yaml two.job.yaml',
  },
  'yaml-text': {
    what: 'A text holds a character that no text may hold.',
    why: 'NUL and half of a surrogate pair have no UTF-8, so the text could not be written out again.',
    fix: 'Remove the escape.',
    example: 'name: "clicks"',
  },
  'job-empty': {
    what: 'The file holds no job.',
    why: 'It is empty, or has comments only.',
    fix: 'Write a job, or begin with one that is shipped in jobs/.',
    example: 'name: clicks\nsources: {…}\nsinks: {…}',
  },
  'job-not-a-map': {
    what: 'The file is a list or a single value.',
    why: 'A job is a map with name, sources, steps and sinks.',
    fix: 'Give the right file.',
    example: 'name: clicks\nsources: {…}\nsinks: {…}',
  },
} as const satisfies Partial<Record<RuleId, Page>>;
