/** Monitoring, the verdicts' thresholds: from where on something counts as full, idle, much or little. Shares are 0 to 1. */

/**
 * Where a verdict begins. None comes from a standard: those marked so were checked by load tests on a machine with two processors
 * (`test/integration/local/bottleneck.test.ts`), the others are uncalibrated.
 */
export const thresholds = {
  /** Processors count as full. Checked. */
  fullProcessors: 0.85,
  /** Processors and accelerators count as not full. Checked for processors. */
  slackProcessors: 0.6,
  /** Work around the model counts as much: its share of a request's time. Checked. */
  muchAround: 0.4,
  /** Runs make up most of a request's time. Checked. */
  mostlyRuns: 0.6,
  /** The model's part is worth looking at: the share of a request's time. Checked. */
  muchInRuns: 0.4,
  /** Waiting counts as much: its share of a request's time. Checked. */
  muchWaiting: 0.3,
  /** A request waits longer than it is worked on. Checked. */
  mostlyWaiting: 0.5,
  /** Requests that wait, on average, least. Checked. */
  someWait: 1,
  /** Workers count as always busy. Checked. */
  busyWorkers: 0.9,
  /** Workers count as often free. */
  freeWorkers: 0.5,
  /** Batches count as full. Checked. */
  fullBatches: 0.9,
  /** Batches count as small. Checked. */
  smallBatches: 0.25,
  /** Most batches end because the next request does not fit. Checked. */
  mostlyCut: 0.5,
  /** Time per row when a batch doubles, above which larger ones bring too little. The server's own warm-up stops there. Checked. */
  worthDoubling: 0.9,
  /** Seconds of waiting below which nobody would notice. */
  noticedWait: 0.005,
  /** Work waits for a processor that others have: the share of what could run. Checked. */
  muchTaken: 0.3,
  /** The one thread that reads and writes counts as full. Checked. */
  fullThread: 0.85,
  /** It would be full even if it never waited for a processor. Checked. */
  mostlyBusyThread: 0.6,
  /** It reads at once what comes. Checked. */
  slackThread: 0.6,
  /** Processors that hooks in Python keep busy together: they hold a lock that lets one of them run. Checked. */
  oneProcessor: { least: 0.85, most: 1.3 },
  /** Processors that they want meanwhile, most: those that wait for the lock wake up now and then. Checked. */
  fewWanted: 2.5,
  /** Requests in hooks at a time that show that they wait for each other. Checked. */
  someInHooks: 2,
  /** Time outside of the server's stages counts as much: its share of a request's time. Checked. */
  muchOutside: 0.3,
  /** Seconds outside of the stages below which nobody would notice. Checked. */
  noticedOutside: 0.01,
  /** Memory counts as nearly full; the alert on memory begins there too. Checked. */
  fullMemory: 0.9,
  /** Share of the window that new replicas were not ready in. */
  coldShare: 0.1,
  /** Processors of an accelerator count as full. */
  fullAccelerator: 0.8,
  /** An accelerator could do more. */
  halfAccelerator: 0.5,
  /** Memory traffic of an accelerator counts as full. */
  fullBandwidth: 0.6,
  /** Units for matrix products count as waiting for data. */
  idleTensorUnits: 0.3,
  /** The link between processors and accelerator counts as full. */
  fullLink: 0.7,
  /** An accelerator waits for its data. */
  starvedAccelerator: 0.4,
  /** A machine, or an accelerator, counts as much too large. Checked for processors. */
  spare: 0.2,
} as const;
