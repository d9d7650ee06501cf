"""The report of a run, step 3: what the figures mean, in words, and what to do next.

Only the standard library: the notebook carries this file's text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.words import count, latency, percent, size

Finding = dict[str, Any]
"""`about`; `state`: good, bad, or note where nothing was promised; `words`; and `next`, what to do, or None."""

MUCH_WAITING = 0.3
"""Share of a request's time in the queue; as the verdicts of the monitoring have it."""
NOTICED_WAIT_MS = 5.0
"""Below it nobody would notice."""
MUCH_AROUND = 0.4
"""The same of work around the model."""
OFTEN = 0.2
"""Share of the time from which on it is told what limited the endpoint."""
FULL_MEMORY = 0.9
MANY_CLIENT_ERRORS = 0.05


def findings(figures: Mapping[str, Any]) -> list[Finding]:
    """What a reader should know, in the order of the figures."""
    return [
        finding
        for about in (
            about_traffic,
            about_latency,
            about_errors,
            about_stages,
            about_bottleneck,
            about_memory,
            about_drift,
            about_cost,
            about_alerts,
        )
        for finding in about(figures)
    ]


def finding_of(about: str, state: str, words: str, todo: str | None = None) -> Finding:
    return {"about": about, "state": state, "words": words, "next": todo}


def about_traffic(figures: Mapping[str, Any]) -> Iterator[Finding]:
    traffic, seconds = figures["traffic"], figures["seconds"]
    if traffic["requests"] < 0.5:
        words = f"Nobody asked in this time ({time_words(seconds)}): there is no latency and no error to speak of."
        yield finding_of("traffic", "note", words, "Send requests, or look further back with --last.")
        return
    peak = traffic["peakPerSecond"]
    words = f"{count(round(traffic['requests']), 'request')} in {time_words(seconds)}"
    words += f", {rate_words(traffic['perSecond'])} a second on average"
    yield finding_of("traffic", "note", f"{words}{f', {rate_words(peak)} at the peak' if peak else ''}.")


def about_latency(figures: Mapping[str, Any]) -> Iterator[Finding]:
    found = figures["latency"]
    p99, objective, slow = found["p99Ms"], found["objectiveMs"], found["slowShare"]
    if p99 is None:
        return
    if objective is None:
        words = f"Half of the answers took up to {latency(found['p50Ms'])}, 99 % up to {latency(p99)}."
        words += " No objective is known."
        yield finding_of(
            "latency", "note", words, "Say what is promised with --p99-ms, and the report tells whether it is kept."
        )
        return
    met, apart = p99 <= objective, latency(abs(objective - p99))
    words = f"The latency objective is {'met' if met else 'not met'}: p99 was {latency(p99)}, "
    words += f"{apart} {'below' if met else 'above'} the {latency(objective)} promised."
    if slow is not None:
        words += f" {share_words(slow)} of the answers took longer than {latency(found['boundMs'])}."
    yield finding_of("latency", "good" if met else "bad", words, None if met else faster(figures))


def faster(figures: Mapping[str, Any]) -> str:
    """What shortens answers, by the stage that takes most of them."""
    stages = figures["stages"]
    longest = max(stages, key=lambda stage: stages[stage]["share"], default=None)
    return {
        "queue": "Requests wait longer than they are worked on: add a replica, or take a machine with more processors.",
        "infer": "Most of the time goes into the model: take a faster machine, or a smaller form (slipway optimize).",
        None: "See which stage takes the time, and shorten that one.",
    }.get(
        longest,
        f"Most of the time goes into {longest}: send binary tensors instead of JSON, or make the hook there faster.",
    )


def about_errors(figures: Mapping[str, Any]) -> Iterator[Finding]:
    found, requests = figures["errors"], figures["traffic"]["requests"]
    if found["serverShare"] is None or requests < 0.5:
        return
    share, allowed = found["serverShare"], found["allowedShare"]
    if found["server"] < 0.5:
        yield finding_of("errors", "good", "No request ended with a server error.")
    else:
        met = share <= allowed
        words = f"The availability objective is {'met' if met else 'not met'}: {share_words(share)} of the requests "
        words += f"({number_words(found['server'])}) ended with a server error; {share_words(allowed)} are allowed."
        todo = "Look into the server's log for what failed."
        if found["rejected"]:
            todo = "Refusals are among them: callers got no answer. Add a replica, or let callers wait and try again."
        yield finding_of("errors", "good" if met else "bad", words, None if met else todo)
    if found["rejected"]:
        said = ", ".join(
            f"{number_words(number)} {reason.replace('_', ' ')}" for reason, number in found["rejected"].items()
        )
        yield finding_of("refusals", "note", f"Refused without a run: {said}.")
    if found["clientShare"] > MANY_CLIENT_ERRORS:
        words = f"{share_words(found['clientShare'])} of the requests were wrong in themselves (4xx)."
        yield finding_of(
            "callers", "note", words, "Tell the callers: the answer's body says what is wrong with a request."
        )


def about_stages(figures: Mapping[str, Any]) -> Iterator[Finding]:
    stages, batch = figures["stages"], figures["batch"]
    if "queue" not in stages:
        return
    share = stages["queue"]["share"]
    parts = ", ".join(f"{stage} {percent(found['share'])}" for stage, found in stages.items())
    words = f"The queue had {percent(share)} of a request's time ({parts})."
    if share > MUCH_WAITING and stages["queue"]["meanMs"] >= NOTICED_WAIT_MS:
        full = bool(batch["meanRows"] and batch["limitRows"] and batch["meanRows"] >= 0.9 * batch["limitRows"])
        todo = "Batches are full: add a replica." if full else "Requests wait for a processor: add one, or a replica."
        yield finding_of("stages", "bad", words, todo)
        return
    around = sum(stages[stage]["share"] for stage in ("preprocess", "postprocess") if stage in stages)
    todo = None
    if around > MUCH_AROUND:
        todo = f"{percent(around)} go into work around the model: send binary tensors, or make hooks faster."
    yield finding_of("stages", "note" if todo else "good", words, todo)


def about_bottleneck(figures: Mapping[str, Any]) -> Iterator[Finding]:
    for verdict in figures["bottleneck"]:
        if verdict["kind"] != "none" and verdict["share"] >= OFTEN:
            words = f"For {percent(verdict['share'])} of the time it was {verdict['verdict']}: {verdict['meaning']}"
            yield finding_of("bottleneck", "note", words, verdict["action"])


def about_memory(figures: Mapping[str, Any]) -> Iterator[Finding]:
    peak, share, limit = (figures["memory"][key] for key in ("peakBytes", "peakShare", "limitBytes"))
    if peak is None:
        return
    words = f"Memory reached {size(round(peak))}" + (
        f", {share_words(share)} of the {size(round(limit))} there are." if share else "."
    )
    if share is not None and share > FULL_MEMORY:
        yield finding_of("memory", "bad", words, "Take a machine with more memory before the system ends the server.")
    else:
        yield finding_of("memory", "good" if share is not None else "note", words)


def about_drift(figures: Mapping[str, Any]) -> Iterator[Finding]:
    watched = figures["drift"]
    if not watched:
        yield finding_of("drift", "note", "Drift is not watched: the model has no reference, or it is switched off.")
        return
    ever = [entry for entry in watched if entry["drifted"] or any(window["drifted"] for window in entry["windows"])]
    once = [entry for entry in ever if entry["since"] is None and any(window["drifted"] for window in entry["windows"])]
    now = [entry for entry in ever if entry not in once]
    for entry in now:
        yield finding_of("drift", "bad", drift_words(entry), drift_next(entry["side"]))
    for entry in once:
        spans = [window for window in entry["windows"] if window["drifted"]]
        span = f"from {clock(spans[0]['start'])} to {clock(spans[-1]['end'])}"
        words = f"{named(entry)} had parted from the samples {span}, and is like them again."
        yield finding_of("drift", "note", words, "See what callers sent then.")
    if now or once:
        return
    told = [entry for entry in watched if entry["drifted"] is not None]
    if not told:
        most = max(entry["rows"] for entry in watched)
        words = f"Too few rows to tell drift from chance: {count(round(most), 'row')} were counted."
        yield finding_of("drift", "note", words, "Look further back with --last, or wait for more requests.")
        return
    worst = max(told, key=lambda entry: entry["psi"] / entry["limit"])
    figure = count(len(told), "figure")
    words = f"No drift in {figure} of outputs and inputs. The farthest is {named(worst)}: "
    words += f"PSI {worst['psi']:.2f}, told from {worst['limit']:.2f} on."
    yield finding_of("drift", "good", words)


def drift_words(entry: Mapping[str, Any]) -> str:
    last = next((window for window in reversed(entry["windows"]) if window["drifted"]), entry)
    since = f", since {clock(entry['since'])}" if entry["since"] is not None else " over all the time"
    ks = "" if last["ks"] is None else f", KS {last['ks']:.2f}"
    found = f"PSI {last['psi']:.2f} (told from {last['limit']:.2f} on), JS {last['js']:.2f}{ks}"
    return f"{named(entry)} has parted from the samples{since}: {found}."


def drift_next(side: str) -> str:
    if side == "input":
        return (
            "Look at what callers send: a unit, a scale, an order of columns or a missing value are the usual causes."
        )
    return "See whether inputs moved with it. If the world has changed, judge the model on new labelled data."


def about_cost(figures: Mapping[str, Any]) -> Iterator[Finding]:
    cost = figures["cost"]
    if cost is None:
        return
    if cost["usdPerMillion"] is None:
        yield finding_of("cost", "note", f"{cost['usd']:.4f} USD were spent, and nobody asked.")
        return
    words = f"A million requests cost {cost['usdPerMillion']:.2f} USD at this traffic, "
    words += f"at {cost['usdPerHour']:g} USD an hour for a replica."
    yield finding_of("cost", "note", words)


def about_alerts(figures: Mapping[str, Any]) -> Iterator[Finding]:
    if figures["alerts"]:
        names = ", ".join(dict.fromkeys(figures["alerts"]))
        yield finding_of(
            "alerts", "bad", f"Alerts fired in this time: {names}.", "Each says in its `action` what to do first."
        )


def named(entry: Mapping[str, Any]) -> str:
    return f"{entry['side']} {entry['tensor']} ({entry['statistic']})"


def clock(at: float) -> str:
    """Seconds since the epoch as `2026-05-04 12:30:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def time_words(seconds: float) -> str:
    """5400 as `1.5 h`."""
    for size_of, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size_of:
            return f"{seconds / size_of:.3g} {unit}"
    return f"{seconds:.3g} s"


def share_words(share: float) -> str:
    """Two digits, rounded up: a share of what went wrong is not made smaller."""
    if share <= 0:
        return "0 %"
    value = share * 100
    if value < 0.001:
        return "under 0.001 %"
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{math.ceil(round(value * 10**digits, 6)) / 10**digits:g} %"


def number_words(number: float) -> str:
    return f"{max(1, round(number)):,}"


def rate_words(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
