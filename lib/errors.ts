/** Errors made for people: what was given, what is allowed, what to do. The CLI prints them without a stack. */

/** One thing a user can mend. */
export interface Problem {
  /** Where it is: an option of the spec (`objective.p99Ms`), a file, a command-line option. */
  readonly where: string;
  /** What was given, what is allowed and what to do, in one or two sentences. */
  readonly what: string;
}

/** What may be wrong: it is where the first is truthy. */
export type Check = readonly [refused: unknown, where: string, what: string];

export const problemsOf = (checks: readonly Check[]): Problem[] =>
  checks.filter(([refused]) => refused).map(([, where, what]) => ({ where, what }));

/**
 * A problem of the user's input or machine, told in full sentences.
 *
 * Everything that Slipway refuses is thrown as this error; any other error is a defect of Slipway's.
 */
export class SlipwayError extends Error {
  override readonly name: string = 'SlipwayError';
}

/** All problems of one input at once. */
export class ProblemsError extends SlipwayError {
  override readonly name = 'ProblemsError';
  readonly problems: readonly Problem[];

  /**
   * @param subject - what cannot be done, such as `Endpoint 'fraud' cannot be planned`
   * @param problems - at least one
   */
  constructor(subject: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`${subject} (${count}):\n${problems.map(({ where, what }) => `  ${where}: ${what}`).join('\n')}`);
    this.problems = problems;
  }
}

/** No form of the model passed the gate, and fp32 may not be served instead. The command line ends with 3. */
export class GateFailedError extends SlipwayError {
  override readonly name = 'GateFailedError';
}
