/**
 * What the page is given: the contract between `dashboard.ts` (Node) and the page's own modules (browser).
 * A declaration file, because the two are compiled apart and neither may emit the other's code.
 */

export interface PageRange {
  readonly title: string;
  readonly seconds: number;
  readonly stepSeconds: number;
}

/** Texts of one query, in the order of the ranges. */
export type Queries = readonly string[];

export type PageUnit =
  | 'requests/s'
  | 'requests'
  | 'seconds'
  | 'bytes'
  | 'cores'
  | 'rows'
  | 'share'
  | 'ratio'
  | 'decibels'
  | 'flag';

export interface PageSeries {
  readonly title: string;
  readonly role: 'line' | 'limit';
  /** The label that tells the lines of one query apart; null when it has one line. */
  readonly split: string | null;
  /** That label's values in the order to draw them; others follow. */
  readonly order: readonly string[];
  readonly queries: Queries;
}

export interface PagePanel {
  readonly id: string;
  readonly title: string;
  readonly help: string;
  readonly width: number;
  readonly form: 'lines' | 'stacked';
  readonly unit: PageUnit;
  readonly series: readonly PageSeries[];
  readonly threshold: { readonly value: number; readonly title: string } | null;
}

export interface PageTile {
  readonly id: string;
  readonly title: string;
  readonly unit: PageUnit;
  readonly queries: Queries;
}

export interface PageObjective {
  readonly id: string;
  readonly title: string;
  readonly periodDays: number;
  /** Share of the error budget left. */
  readonly query: string;
}

export interface PagePlan {
  readonly model: string;
  /** Base URL of the endpoint, and the full URL of its inference route. */
  readonly endpoint: string;
  readonly infer: string;
  /** In words, when there is no Prometheus to draw from. */
  readonly missing: string | null;
  readonly prometheus: string | null;
  readonly ranges: readonly PageRange[];
  readonly tiles: readonly PageTile[];
  readonly panels: readonly PagePanel[];
  readonly objectives: readonly PageObjective[];
  /** How many alerts are watched. */
  readonly alerts: number;
  readonly notes: readonly string[];
}

/** The part of report.json that the page shows. */
export interface PageReport {
  readonly verdict: string;
  readonly model: { readonly bytes: number; readonly family: string };
  readonly reference: {
    readonly bytes: number;
    readonly latencyMs: { readonly p50: number };
    readonly accuracy: number | null;
  };
  readonly candidates: readonly {
    readonly name: string;
    readonly status: 'passed' | 'rejected' | 'failed';
    readonly reasons: readonly string[];
    readonly bytes: number | null;
    readonly latencyMs: { readonly p50: number } | null;
    readonly speedup: number | null;
    readonly fidelity: { readonly agreement: number | null; readonly sqnrDb: number } | null;
    readonly accuracy: { readonly value: number } | null;
  }[];
  readonly winner: {
    readonly name: string;
    readonly precision: string;
    readonly speedup: number | null;
    readonly agreement: number | null;
    readonly accuracy: number | null;
    readonly bytes: number;
  };
  readonly warnings: readonly string[];
}

/** Whether the endpoint takes requests now, and its own words. */
export interface PageReady {
  readonly ready: boolean;
  readonly detail: string;
}
