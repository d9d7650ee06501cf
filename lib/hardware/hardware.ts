/** What a user may ask of the machine. */

/** Let Slipway choose, or name the machine. */
export type HardwareRequest = AutoHardware | NamedHardware;

export interface AutoHardware extends HardwareLimits {
  readonly choose: 'auto';
}

export interface NamedHardware {
  readonly choose: 'named';
  readonly machine: string;
}

/** What narrows an automatic choice. */
export interface HardwareLimits {
  /**
   * Accelerators that come into question, by id or name (`l4`, `Tesla T4`); `none` for machines without one.
   *
   * @default - all, and machines without
   */
  readonly accelerators?: readonly string[];
  /**
   * Machine types that come into question; `*` stands for any characters (`ml.g6.*`).
   *
   * @default - all that the platform offers
   */
  readonly allow?: readonly string[];
  /**
   * Machine types that do not, with `*` as in `allow`.
   *
   * @default - none
   */
  readonly deny?: readonly string[];
  /**
   * Regions that come into question.
   *
   * @default - the platform's
   */
  readonly regions?: readonly string[];
  /**
   * Execution providers that come into question. TensorRT builds an engine for minutes at every first start, so it is taken only
   * where it is asked for.
   *
   * @default ['cpu', 'cuda']
   */
  readonly providers?: readonly ('cpu' | 'cuda' | 'tensorrt')[];
}

/** Which machines come into question. */
export const Hardware = {
  /** The least machine that meets the objective, and ranked fallbacks. */
  auto(limits: HardwareLimits = {}): HardwareRequest {
    return { choose: 'auto', ...limits };
  },
  /** One machine by the platform's own name. */
  of(machine: string): HardwareRequest {
    return { choose: 'named', machine };
  },
};
