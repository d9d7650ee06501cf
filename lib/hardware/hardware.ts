/** What a user may ask of the machine. */

/** Let Slipway choose, or name the machine. */
export type HardwareRequest = { readonly choose: 'auto' } | { readonly choose: 'named'; readonly machine: string };

/** Which machines come into question. */
export const Hardware = {
  /** The least machine that meets the objective. */
  auto(): HardwareRequest {
    return { choose: 'auto' };
  },
  /** One machine by the platform's own name. */
  of(machine: string): HardwareRequest {
    return { choose: 'named', machine };
  },
};
