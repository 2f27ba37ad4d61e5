// What every command has in common: the global flags, output to the right stream, and exit statuses that
// are the same with and without --json. (oclif would turn each of them into 1 with --json.)

import {Command} from '@oclif/core';
import {EngineError} from '../../src/index.ts';
import {errorJson, errorLines, errorStack, failedStreamLines, reportOf} from './error-report.ts';
import {flinkFlagsOf} from './flink-flag-tables.ts';
import {fromFlinkFlags} from './flink-flags.ts';
import {globalFlags, readGlobalOptions} from './globals.ts';
import {ProgressBar} from './progress-bar.ts';
import {flushStreams, writeNote, writeResult} from './streams.ts';
import {makeStyle} from './style.ts';
import {shellWord, toJson} from './text.ts';
import type {ExitStatus} from '../../src/index.ts';
import type {GlobalOptions} from './globals.ts';
import type {Style} from './style.ts';

export type EndingSignal = 'SIGINT' | 'SIGTERM';

export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;
  static override strict = true;
  /** What the command may end with, for its help; 0, 1, 2, 130 and 143 are every command's. */
  static exitStatuses: readonly ExitStatus[] = [];
  /** Schemas of what --json prints, files of schema/output/; empty: one that is named like the command. */
  static outputSchemas: readonly string[] = [];

  readonly global: GlobalOptions;
  /** For stdout and stderr: one may be a terminal and the other a pipe. */
  readonly outStyle: Style;
  readonly noteStyle: Style;
  /** Of this command; it is gone before an error is told. */
  protected readonly progress: ProgressBar;
  /** Set while JSON Lines are printed: the summary, should it fail before it has one. */
  protected summaryOfFailure: ((status: ExitStatus) => object) | null = null;

  constructor(...[argv, config]: ConstructorParameters<typeof Command>) {
    super(argv, config);
    const environment = process.env;
    this.global = readGlobalOptions(argv, environment);
    const color = this.global.color;
    this.outStyle = makeStyle({...terminalFacts(process.stdout), environment, color});
    this.noteStyle = makeStyle({...terminalFacts(process.stderr), environment, color});
    this.progress = new ProgressBar(this.noteStyle, (text) => process.stderr.write(text));
  }

  protected override async init(): Promise<void> {
    await super.init();
    const own = {...this.ctor.baseFlags, ...this.ctor.flags};
    this.argv = fromFlinkFlags(this.argv, flinkFlagsOf(this.id ?? ''), own);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        this.signalled(signal);
      });
    }
  }

  /** A command with something to finish first overrides this. */
  protected signalled(signal: EndingSignal): void {
    void this.endBySignal(signal);
  }

  protected async endBySignal(signal: EndingSignal): Promise<void> {
    const error = this.interruption(signal);
    this.reportError(error);
    await flushStreams();
    process.exit(error.exitStatus);
  }

  /** What a user is told; a command that leaves something under way says what. */
  protected interruption(signal: EndingSignal): EngineError {
    const code = signal === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED';
    return new EngineError(code, `${code.toLowerCase()} by ${signal}`);
  }

  /** A line of the result. */
  protected print(text: string): void {
    writeResult(text);
  }

  /** The result of a finite command with --json: one object. */
  protected printObject(kind: string, fields: Readonly<Record<string, unknown>>): void {
    writeResult(toJson({kind, apiVersion: 'v1', ...fields}, process.stdout.isTTY ? 2 : undefined));
  }

  /** Progress, warnings, what to do next. */
  protected note(text: string): void {
    writeNote(text);
  }

  /** This very call with more words, as a shell takes it: for a hint. */
  protected callWith(...more: readonly string[]): string {
    const words = [...(this.id ?? '').split(':'), ...this.argv, ...more];
    return `tidemark ${words.map(shellWord).join(' ')}`;
  }

  /** The status that the process ends with when nothing else goes wrong. */
  protected endWith(status: ExitStatus): void {
    process.exitCode = status;
  }

  /** Nothing is thrown on to oclif: it would print again and choose a status of its own. */
  protected override async catch(thrown: unknown): Promise<void> {
    this.reportError(thrown);
    return Promise.resolve();
  }

  private reportError(thrown: unknown): void {
    this.progress.erase();
    process.exitCode = showError(thrown, {
      global: this.global,
      style: this.noteStyle,
      commandName: (this.id ?? '').replaceAll(':', ' '),
      summaryOfFailure: this.summaryOfFailure,
    });
  }
}

function terminalFacts(stream: NodeJS.WriteStream): {isTTY: boolean; columns: number} {
  return {isTTY: stream.isTTY, columns: stream.columns};
}

/** Tells the user, and returns the exit status. */
export function showError(
  thrown: unknown,
  how: {
    readonly global: GlobalOptions;
    readonly style: Style;
    readonly commandName: string;
    readonly summaryOfFailure?: ((status: ExitStatus) => object) | null | undefined;
  },
): ExitStatus {
  const report = reportOf(thrown, how.commandName);
  const summary = how.summaryOfFailure?.(report.exit_code) ?? null;
  if (how.global.json && summary !== null) {
    for (const line of failedStreamLines(report, summary)) writeResult(line);
  } else if (how.global.json) writeResult(errorJson(report));
  else for (const line of errorLines(report, how.style)) writeNote(line);
  if (how.global.verbose) writeNote(errorStack(thrown));
  return report.exit_code;
}
