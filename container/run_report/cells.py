"""The report of a run, what its notebook does: the code of each cell, for pandas and matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTRO = """What Prometheus saw of a running endpoint. The answers of {prometheus} are kept in `{data}` beside this
notebook, so that it can be run again without that Prometheus. Set `READ_AGAIN` below to True to read it anew: the
same length of time, up to now. It needs pandas and matplotlib, and nothing of Slipway. What it all means stands at the
end."""

READ = """
from pathlib import Path

import matplotlib.dates as dates
import matplotlib.pyplot as plt
import pandas as pd

DATA = Path({data})
READ_AGAIN = False

if READ_AGAIN or not DATA.exists():
    length, now = request["end"] - request["start"], time.time()
    request.update(start=now - length, end=now)
    DATA.write_text(json.dumps({{"schemaVersion": 1, "request": request, "series": read(request)}}), encoding="utf-8")
run = json.loads(DATA.read_text(encoding="utf-8"))
run["figures"] = figures(run)
run["findings"] = findings(run["figures"])


def along(name, factor=1.0, of=None):
    \"\"\"A series over time; a column for each value of the label `of`.\"\"\"
    lines = {{
        entry["labels"].get(of, name): pd.Series(
            [value for _, value in entry["points"]],
            index=pd.to_datetime([at for at, _ in entry["points"]], unit="s", utc=True),
            dtype=float,
        )
        for entry in run["series"][name]
    }}
    return pd.DataFrame(lines) * factor


def draw(frame, axes, title, unit, most=None):
    if frame.empty or frame.isna().all(axis=None):
        axes.text(0.5, 0.5, "nothing was seen", ha="center", va="center", transform=axes.transAxes, color="gray")
    else:
        for name in frame:
            axes.plot(frame.index, frame[name], label=name)
        top = max(frame.max(axis=None), most or 0.0)
        axes.set_ylim(0, top * 1.06 if top > 0 else 1)
        over_time(axes)
        if len(frame.columns) > 1:
            axes.legend(fontsize=8)
    axes.set(title=title, ylabel=unit)


def over_time(axes):
    axes.set_xlim(begin, end)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))


def beside(**frames):
    \"\"\"Series of one unit, by the names they are shown under.\"\"\"
    found = {{title: along(name).squeeze("columns") for title, name in frames.items() if run["series"][name]}}
    return pd.DataFrame(found)


begin, end = (pd.to_datetime(run["request"][key], unit="s", utc=True) for key in ("start", "end"))
print(f"{{run['request']['endpoint']}}: {{begin:%Y-%m-%d %H:%M:%S}} to {{end:%Y-%m-%d %H:%M:%S}} UTC")
"""

TRAFFIC = """
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), constrained_layout=True)
draw(beside(answered="throughput"), left, "Traffic", "requests a second")
codes = pd.Series(run["figures"]["traffic"]["byCode"], dtype=float)
right.bar(codes.index.astype(str), codes)
right.set(title="Answers by status code", ylabel="requests")
plt.show()
"""

LATENCY = """
objective = run["figures"]["latency"]["objectiveMs"]
lines = beside(p50="latencyP50", p95="latencyP95", p99="latencyP99") * 1000
figure, axes = plt.subplots(figsize=(11, 3.6), constrained_layout=True)
draw(lines, axes, "Latency of successful answers", "milliseconds", most=objective)
if objective is not None:
    axes.axhline(objective, color="tab:red", linestyle="--")
    axes.annotate("p99 objective", (0, objective), xycoords=("axes fraction", "data"), xytext=(4, 3),
                  textcoords="offset points", color="tab:red", fontsize=8)
plt.show()
pd.Series(run["figures"]["latency"], name="over all the time").to_frame()
"""

STAGES = """
stages = along("stages", 1000, of="stage").reindex(columns=list(STAGES))
shares = pd.DataFrame(run["figures"]["stages"]).T.reindex(columns=["meanMs", "share"])
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), width_ratios=[2, 1], constrained_layout=True)
filled = stages.fillna(0.0)
if len(filled):
    left.stackplot(filled.index, filled.T.to_numpy(), labels=list(filled))
    left.legend(fontsize=8)
    over_time(left)
left.set(title="Where the time goes", ylabel="milliseconds of a request, mean")
right.barh(shares.index[::-1], shares["share"][::-1] * 100)
right.set(title="Share of each stage", xlabel="%", xlim=(0, 100))
plt.show()
shares
"""

BATCH = """
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), constrained_layout=True)
limit = run["figures"]["batch"]["limitRows"]
draw(beside(mean="batchMean"), left, "Rows in a run", "rows", most=limit)
if limit is not None:
    left.axhline(limit, color="gray", linestyle=":")
    left.set_title(f"Rows in a run; dotted: the limit, {limit:g}")
draw(beside(**{"waiting": "queueDepth", "waiting or running": "inFlight"}), right, "Queue", "requests")
plt.show()
"""

ERRORS = """
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), constrained_layout=True)
draw(beside(**{"server (5xx)": "serverErrors", "client (4xx)": "clientErrors"}), left, "Errors", "a second")
draw(along("rejections", of="reason"), right, "Refused without a run", "a second")
plt.show()
"""

DRIFT = """
watched = pd.DataFrame(run["figures"]["drift"])
watched["figure"] = watched["side"] + " " + watched["tensor"] + " " + watched["statistic"]
figure, axes = plt.subplots(figsize=(11, 3.6), constrained_layout=True)
worst = watched.assign(most=[max([w["psi"] or 0 for w in windows], default=0) for windows in watched["windows"]])
for _, row in worst.sort_values("most", ascending=False).head(8).iterrows():
    if row["windows"]:
        pieces = pd.DataFrame(row["windows"])
        axes.plot(pd.to_datetime(pieces["end"], unit="s", utc=True), pieces["psi"], marker="o", markersize=3,
                  label=row["figure"])
        over_time(axes)
if axes.lines:
    limits = pd.concat([pd.DataFrame(windows) for windows in watched["windows"] if windows])["limit"]
    axes.axhline(limits.max(), color="tab:red", linestyle="--")
    axes.legend(fontsize=8)
    axes.set_ylim(bottom=0)
else:
    axes.text(0.5, 0.5, "too few rows to tell drift from chance", ha="center", transform=axes.transAxes, color="gray")
axes.set(title="Distance from the samples (PSI); above the dashed line it is drift", ylabel="PSI")
plt.show()
watched["rows"] = watched["rows"].round().astype(int)
watched["since"] = ["" if pd.isna(at) else clock(at) for at in watched["since"]]
watched[["figure", "rows", "psi", "limit", "js", "ks", "drifted", "since"]].round(3)
"""

SPREAD = """
far = sorted(run["figures"]["drift"], key=lambda entry: -(entry["psi"] or 0))[:9]
figure, grid = plt.subplots((len(far) + 2) // 3, 3, figsize=(11, 2.6 * ((len(far) + 2) // 3)), squeeze=False,
                            constrained_layout=True)
for axes, entry in zip(grid.flat, far):
    bins = pd.DataFrame(entry["bins"])
    names = [upper if upper else name for name, upper in zip(bins["bin"], bins["upper"])]
    names = [name if not name.lstrip("-").replace(".", "").isdigit() else f"{float(name):.3g}" for name in names]
    places = range(len(bins))
    axes.bar(places, bins["expected"] * 100, color="lightgray", label="samples")
    axes.step(places, bins["seen"] * 100, where="mid", color="tab:blue", label="seen")
    axes.set_xticks(list(places), names, rotation=90, fontsize=6)
    axes.set_title(f"{entry['side']} {entry['tensor'][-20:]} {entry['statistic']}", fontsize=8)
for axes in grid.flat[len(far):]:
    axes.axis("off")
grid.flat[0].legend(fontsize=7)
figure.suptitle("Share of rows in each bin, %")
plt.show()
"""

MACHINE = """
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), constrained_layout=True)
draw(beside(resident="memory") / 1e6, left, "Memory", "MB")
draw(beside(used="cpuCores"), right, "Processors", "processors")
plt.show()
"""

COST = """
pd.Series(run["figures"]["cost"], name="cost").to_frame()
"""

FINDINGS = """
marks = {"good": "✓", "bad": "✗", "note": "·"}
for finding in run["findings"]:
    print(f"{marks[finding['state']]} {finding['words']}")
    if finding["next"]:
        print(f"  Next: {finding['next']}")
"""


def parts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Heading and code of each part that there are figures for; the findings come last."""
    figures = run["figures"]
    watched = bool(figures["drift"])
    every = [
        ("Traffic", TRAFFIC, True),
        ("Latency", LATENCY, True),
        ("Stages", STAGES, True),
        ("Batches and queue", BATCH, True),
        ("Errors and refusals", ERRORS, True),
        ("Drift", DRIFT, watched),
        ("Seen and expected", SPREAD, watched),
        ("Memory and processors", MACHINE, True),
        ("Cost", COST, figures["cost"] is not None),
        ("Findings", FINDINGS, True),
    ]
    return [(heading, code) for heading, code, shown in every if shown]
