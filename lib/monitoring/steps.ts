/** Monitoring, for Prometheus' rules: long windows are summed up from recorded steps that lie side by side, and not read anew each time. */

/** The longest window whose readings are read themselves. */
export const LONGEST_READ_SECONDS = 3600;
/** Less than the 5 minutes after which Prometheus forgets a record, and at least four readings. */
export const STEP_SECONDS = 240;
