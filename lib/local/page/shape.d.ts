/**
 * What the page is given: the contract between `dashboard.ts` (Node) and the page's own modules (browser).
 * A declaration file, because the two are compiled apart and neither may emit the other's code.
 */

export interface PageRange {
  readonly title: string;
  readonly seconds: number;
  readonly stepSeconds: number;
}

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
}

export interface PagePanel {
  readonly id: string;
  readonly title: string;
  readonly help: string;
  readonly width: number;
  readonly form: 'lines' | 'stacked';
  readonly unit: PageUnit;
  readonly threshold: { readonly value: number; readonly title: string } | null;
}

export interface PageTile {
  readonly id: string;
  readonly title: string;
  readonly unit: PageUnit;
}

export interface PageObjective {
  readonly id: string;
  readonly title: string;
  readonly periodDays: number;
  /** Burn rate at which someone is woken within the hour; null where it cannot be reached. */
  readonly pagesAt: number | null;
}

/** What limits an endpoint, in words. */
export interface PageVerdict {
  readonly id: string;
  readonly title: string;
  readonly meaning: string;
  readonly action: string;
  readonly kind: 'limit' | 'waste' | 'none';
}

export interface PagePlan {
  readonly model: string;
  /** Base URL of the endpoint, and the full URL of its inference route. */
  readonly endpoint: string;
  readonly infer: string;
  /** In words, when there is no Prometheus to draw from. */
  readonly missing: string | null;
  readonly ranges: readonly PageRange[];
  readonly tiles: readonly PageTile[];
  readonly panels: readonly PagePanel[];
  readonly objectives: readonly PageObjective[];
  readonly verdicts: readonly PageVerdict[];
  /** Null where drift is not watched. */
  readonly drift: { readonly minCount: number; readonly windowHours: number } | null;
  readonly notes: readonly string[];
}

/** Points in time at which charts are drawn, Unix seconds. */
export interface PageGrid {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** One line as drawn: one value for each point of the grid, null where there is none. */
export interface PageLine {
  readonly title: string;
  readonly values: readonly (number | null)[];
}

export interface PageLines {
  readonly lines: readonly PageLine[];
  readonly limit: { readonly title: string; readonly value: number } | null;
}

/** Figures of the tiles by their ids, and what the endpoint costs; null where nobody charges for it. */
export interface PageTiles {
  readonly values: Readonly<Record<string, number | null>>;
  readonly cost: { readonly usdPerHour: number; readonly usdPerMillion: number | null } | null;
}

export interface PageBudgets {
  /** For how long there are readings, seconds. */
  readonly watchedSeconds: number;
  /** By the objective's id. */
  readonly objectives: Readonly<
    Record<
      string,
      {
        /** Share of the error budget that is left, below 0 when overspent; null before the first request. */
        readonly left: number | null;
        /** How many times faster than allowed the budget burns; the short window first. */
        readonly burn: readonly { readonly windowSeconds: number; readonly rate: number | null }[];
      }
    >
  >;
}

export interface PageSpan {
  readonly id: string;
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
}

export interface PageBottleneck {
  /** The strongest verdict; null while the rules have recorded none. */
  readonly id: string | null;
  /** Unix seconds; null where it held before the time looked back on. */
  readonly since: number | null;
  /** Weaker verdicts that hold too. */
  readonly also: readonly string[];
  /** What it was found by. */
  readonly figures: readonly {
    readonly title: string;
    readonly unit: PageUnit;
    readonly value: number | null;
    readonly is: '>' | '<' | '<=';
    readonly than: number;
  }[];
  /** Verdicts over the time looked back on, in order. */
  readonly history: readonly PageSpan[];
}

export interface PageAlert {
  readonly name: string;
  readonly state: 'firing' | 'pending';
  /** Unix seconds. */
  readonly since: number;
  readonly severity: string;
  readonly summary: string;
  readonly description: string;
  readonly action: string;
}

export interface PageAlerts {
  readonly active: readonly PageAlert[];
  /** Every alert that is watched; `trouble` says why it cannot be told. */
  readonly watched: readonly { readonly name: string; readonly summary: string; readonly trouble: string | null }[];
}

export interface PageBin {
  readonly name: string;
  /** Up to where the range reaches, in the figure's unit; null for a category. */
  readonly upper: string | null;
  /** Shares, 0 to 1; `seen` is null before the first comparison. */
  readonly expected: number;
  readonly seen: number | null;
}

export interface PageDriftFigure {
  readonly side: 'output' | 'input';
  readonly tensor: string;
  readonly statistic: string;
  readonly rows: number | null;
  readonly psi: number | null;
  readonly js: number | null;
  readonly ks: number | null;
  /** What `psi` has to exceed. */
  readonly limit: number | null;
  readonly bins: readonly PageBin[];
}

export interface PageTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string | null)[];
}

/** The part of report.json that the page shows. */
export interface PageReport {
  readonly verdict: string;
  readonly model: {
    readonly bytes: number;
    readonly family: string;
    readonly sha256: string;
    readonly opset: number;
    readonly nodes: number;
    readonly inputs: readonly PageTensor[];
    readonly outputs: readonly PageTensor[];
  };
  readonly data: { readonly samples: number; readonly evaluationSamples: number } | null;
  readonly host: {
    readonly architecture: string;
    readonly cpu: string;
    readonly instructionSet: string;
    readonly processors: number;
  };
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
    readonly recipe: object | null;
    readonly speedup: number | null;
    readonly speedupInterval: readonly number[] | null;
    readonly agreement: number | null;
    readonly accuracy: number | null;
    readonly sqnrDb: number | null;
    readonly bytes: number;
    readonly sha256: string;
    readonly speedJudged: boolean;
  };
  readonly session: { readonly provider: string; readonly intraOpThreads: number };
  readonly canaries: { readonly count: number; readonly minSqnrDb: number; readonly synthetic: boolean };
  readonly drift?: { readonly reason: string | null };
  readonly warnings: readonly string[];
}

export interface PageModel {
  readonly report: PageReport | null;
  /** Whether the endpoint itself gave the report, or the metadata below, just now. */
  readonly live: boolean;
  /** Of the endpoint's metadata, where there is no report. */
  readonly inputs: readonly PageTensor[];
  readonly outputs: readonly PageTensor[];
  /** Labels of `onnx_model_info`. */
  readonly served: Readonly<Record<string, string>>;
  /** Signal to noise of the canaries at start, decibels; null without canaries. */
  readonly canaryDb: number | null;
  /** Speed-up that the server measured at start; null where the build did. */
  readonly startSpeedup: number | null;
}

/** Whether the endpoint takes requests now, and its own words. */
export interface PageReady {
  readonly ready: boolean;
  readonly detail: string;
}

/** Answers of one round by the section that asks; those of panels are `PageLines` under `panel:<id>`. */
export interface PageAnswers {
  readonly ready: PageReady;
  readonly model: PageModel;
  readonly tiles: PageTiles;
  readonly budgets: PageBudgets;
  readonly verdict: PageBottleneck;
  readonly alerts: PageAlerts;
  readonly drift: readonly PageDriftFigure[];
  readonly [panel: `panel:${string}`]: PageLines;
}

/** What a section is given: its answer, or in words why there is none. */
export type PageOutcome<Answer> = { readonly ok: Answer } | { readonly failed: string };

export interface PageRound {
  readonly grid: PageGrid;
  readonly outcomes: Readonly<Record<string, PageOutcome<unknown>>>;
}
