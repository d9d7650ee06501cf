"""Views of the report: everything that is neither table nor chart, as groups of names and words; the same in HTML and
Markdown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..words import count, decibels, duration, latency, percent, size, times
from .findings import KEPT, NONE, recipe_words

Document = Mapping[str, Any]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Group:
    title: str
    pairs: Pairs


def groups(report: Document, build: Document | None) -> list[Group]:
    """Groups of facts; none is empty."""
    found = [
        Group("Model", model(report["model"])),
        Group("Data", data(report)),
        Group("What is served", served(report)),
        Group("The gate", gate(report)),
        Group("Made again from the lock", recheck(report["recheck"])),
        Group("Where speed was measured", host(report)),
        Group("Tools", tuple(sorted(report["tools"].items()))),
        Group("This run", run(build)),
    ]
    return [group for group in found if group.pairs]


def known(*pairs: tuple[str, str | None]) -> Pairs:
    """The pairs that have a value."""
    return tuple((name, value) for name, value in pairs if value)


def shape(sizes: Iterable[object]) -> str:
    return f"[{', '.join('?' if entry is None else str(entry) for entry in sizes)}]"


def tensors(entries: Iterable[Document]) -> str:
    return "; ".join(f"{entry['name']} {entry['dtype']} {shape(entry['shape'])}" for entry in entries) or NONE


def model(entry: Document) -> Pairs:
    return known(
        ("name", entry["name"]),
        ("family", entry["family"]),
        ("file", f"{size(entry['bytes'])}, {count(entry['nodes'], 'node')}"),
        ("opset, IR version", f"{entry['opset']}, {entry['irVersion']}"),
        ("inputs", tensors(entry["inputs"])),
        ("outputs", tensors(entry["outputs"])),
        ("sha256", entry["sha256"]),
    )


def data(report: Document) -> Pairs:
    entry = report["data"]
    if entry is None:
        return known(("samples", "none: inputs were made up, and only speed was measured"))
    labels = entry["labelsSha256"]
    calibrated, judged = entry["calibrationSamples"], entry["evaluationSamples"]
    return known(
        ("samples", f"{entry['samples']:,}: {calibrated:,} for calibration, {judged:,} for the gate"),
        ("labels", "none" if labels is None else "one for each sample"),
        ("task", report["task"]),
        ("sha256", entry["sha256"]),
        ("sha256 of labels", labels),
        ("sha256 of the metric", entry["metricSha256"]),
    )


def served(report: Document) -> Pairs:
    winner, session, canaries = report["winner"], report["session"], report["canaries"]
    recipe = winner["recipe"]
    inputs = ", inputs made up" if canaries["synthetic"] else ""
    return known(
        ("form", winner["name"]),
        ("recipe", recipe and recipe_words(recipe)),
        ("left in fp32", recipe and left_out(recipe)),
        ("calibrated ranges", report["ranges"] and count(len(report["ranges"]), "tensor")),
        ("provider", session["provider"]),
        ("threads in a run", str(session["intraOpThreads"])),
        ("graph", f"optimized to level {session['graphOptimization']}"),
        ("session settings", ", ".join(f"{key}={value}" for key, value in session["settings"].items()) or "none"),
        ("canaries", f"{canaries['count']}{inputs}; the server asks for {decibels(canaries['minSqnrDb'])}"),
        ("sha256", winner["sha256"]),
    )


def left_out(recipe: Document) -> str:
    return ", ".join(recipe.get("excludeNodes", []))


def gate(report: Document) -> Pairs:
    """The rule that decided. The recipe is told as far as it is known."""
    recipe = report["recipe"]
    rule, size_counts = recipe.get("gate"), recipe.get("goal") == "size"
    if rule is None:
        return ()
    metric = rule["metric"]
    return known(
        ("goal", recipe.get("goal")),
        ("speed", "not slower beyond doubt" if size_counts else f"at least {times(rule['minSpeedup'])}"),
        ("size", f"at least {times(rule['minShrink'])} smaller" if size_counts else None),
        ("accuracy", f"at most {percent(rule['maxAccuracyDrop'])} of fp32's lost"),
        ("errors", f"at most {times(rule['maxErrorRatio'])} fp32's"),
        (KEPT[report["task"]], f"at least {percent(rule['minAgreement'])}"),
        ("signal to noise", f"at least {rule['minSqnrDb']:g} dB, a warning below {rule['warnSqnrDb']:g} dB"),
        ("too few labels", "fail" if rule["strict"] else "leave it to likeness"),
        (metric["function"], f"at most {percent(metric['maxDrop'])} worse, {metric['direction']} is better")
        if metric
        else ("", None),
        ("when none passes", {"fp32": "fp32 is served", "error": "the build fails"}.get(recipe.get("onFailure"))),
    )


def recheck(entry: Document | None) -> Pairs:
    if entry is None:
        return ()
    same = "the same as" if entry["sha256Matches"] else "other than"
    return known(
        ("bytes", f"{same} when the lock was written"),
        ("agreement", percent_or_none(entry["agreement"])),
        ("accuracy", percent_or_none(entry["accuracy"])),
        ("own metric", None if entry["metric"] is None else f"{entry['metric']:.4g}"),
        ("signal to noise", None if entry["sqnrDb"] is None else decibels(entry["sqnrDb"])),
    )


def percent_or_none(share: float | None) -> str | None:
    return None if share is None else percent(share)


def host(report: Document) -> Pairs:
    entry, target = report["host"], report["recipe"].get("target")
    emulated = ", emulated" if entry["emulated"] else ""
    return known(
        ("processor", entry["cpu"]),
        ("instruction set", f"{entry['instructionSet']} ({entry['architecture']}{emulated})"),
        ("processors", str(entry["processors"])),
        ("threads in a run", str(entry["threads"])),
        ("judges speed", "yes" if entry["judgesSpeed"] else "no: it is not what the target is"),
        ("target", target and f"{target['platform']}: {', '.join(target['machines'])}"),
        ("target's instruction sets", target and ", ".join(target["instructionSets"])),
    )


def run(build: Document | None) -> Pairs:
    if build is None:
        return ()
    timed, peak, speedup = build["latencyMs"], build["peakMemoryBytes"], build["speedup"]
    emulated = ", emulated" if build["host"]["emulated"] else ""
    resumed = build["resumed"]
    return known(
        ("mode", "a search" if build["mode"] == "search" else "a lock made again"),
        ("processor", f"{build['host']['cpu']}{emulated}"),
        ("took", duration(sum(stage["seconds"] for stage in build["stages"]))),
        ("peak memory", None if peak is None else size(peak)),
        ("fp32, median", timed and latency(timed["reference"]["p50"])),
        ("served, median", timed and latency(timed["served"]["p50"])),
        ("speed here", None if speedup is None else f"{times(speedup)} fp32's"),
        ("taken over", f"{count(resumed, 'candidate')} of an interrupted run" if resumed else None),
    )


def candidate_facts(entry: Document) -> Pairs:
    """What the table of candidates has no room for."""
    fidelity, accuracy, metric = entry["fidelity"], entry["accuracy"], entry["metric"]
    saturation, peak = entry["saturationDb"], entry["peakMemoryBytes"]
    return known(
        ("recipe", recipe_words(entry["recipe"])),
        ("left in fp32", left_out(entry["recipe"])),
        ("comes from", "the recipe" if entry["origin"] == "recipe" else "repair"),
        ("cosine", fidelity and f"least {fidelity['cosineMin']:.5f}, mean {fidelity['cosineMean']:.5f}"),
        ("largest error", fidelity and f"{fidelity['maxAbsError']:.4g}"),
        ("NaN or infinite", f"{fidelity['nonFinite']:,} values" if fidelity and fidelity["nonFinite"] else None),
        ("by labels", accuracy and f"{judged(accuracy)}{errors(accuracy['errorRatio'])}"),
        (metric["name"], judged(metric)) if metric else ("", None),
        ("fused kernels", None if saturation is None else f"{decibels(saturation)} against float emulation here"),
        ("took", duration(entry["seconds"])),
        ("peak memory", None if peak is None else size(peak)),
        ("retries", "; ".join(entry["ladder"])),
    )


def judged(entry: Document) -> str:
    """`pass, 0.25 % below fp32`, of labels or of the user's metric."""
    share = entry["drop"]
    distance = f"{abs(share) * 100:.2g} % {'worse' if share > 0 else 'better'} than fp32" if share else "as fp32"
    return f"{entry['decided']}, {distance}"


def errors(ratio: float | None) -> str:
    return "" if ratio is None else f", {ratio:.2f}x fp32's errors"
