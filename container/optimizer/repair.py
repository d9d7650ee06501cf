"""Stage 6, repair: what is fast but not good enough is tried again with the nodes that hurt most left in fp32."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .candidates import environment, ranges_file, try_candidate
from .child import run_limited
from .gate import Decided, Judged, choose, demand_winner, judge
from .progress import repair_steps
from .recipe import Candidate, entry_of
from .sensitivity import Node, Question, Ranking, most_excluded
from .work import Work

ROWS = 8
"""Samples that nodes are ranked by."""
WORTH = 1.25
"""A winner is challenged by a candidate this much faster that lost on accuracy alone; less is not worth the time."""
HEADROOM_DB = 3.0
"""Above the gate's bound, where the first trial is expected to land."""
NAME_LENGTH = 63


@dataclass(frozen=True)
class Sensitivity:
    """A node of the candidate that was repaired."""

    node: Node
    excluded: bool
    """Left out of the candidate that repair ended with."""


@dataclass(frozen=True)
class Repaired:
    decided: Decided
    sensitivity: tuple[Sensitivity, ...]
    """The one that hurts most first; empty when nothing was repaired."""
    notes: tuple[str, ...]


def repair(decided: Decided, work: Work) -> Repaired:
    """Rescue the fastest candidate that lost on accuracy alone, when it is worth it.

    Raises GateFailedError when there is no winner in the end and the recipe forbids fp32.
    """
    recipe = decided.tried.referenced.normalized.admitted.recipe
    end = work.progress.done + repair_steps(recipe.repair.trials)
    broken = worth_repairing(decided) if recipe.repair.trials else None
    found = Repaired(decided, (), ()) if broken is None else rescue(broken, decided, work)
    work.progress.reach(end)
    demand_winner(found.decided)
    return found


def worth_repairing(decided: Decided) -> Judged | None:
    """The fastest that lost by its answers alone; None when there is none, or the winner is nearly as fast."""
    lost = [entry for entry in decided.judged if entry.by_answers_alone]
    best = max(lost, key=lambda entry: entry.speedup or 0.0, default=None)
    if best is None or decided.winner is None:
        return best
    if not decided.judges_speed:
        return None
    return best if (best.speedup or 0.0) >= WORTH * (decided.winner.speedup or 1.0) else None


def rescue(broken: Judged, decided: Decided, work: Work) -> Repaired:
    """Try `broken` with more and fewer nodes left out, as often as the recipe allows."""
    tried = decided.tried
    recipe = tried.referenced.normalized.admitted.recipe
    name = broken.trial.candidate.name
    work.progress.step("repair", f"{name}: finding the nodes that hurt most")
    ranking, problem = rank_nodes(broken, decided, work)
    most = most_excluded(len(ranking.nodes), recipe.repair.max_excluded_share) if ranking else 0
    if ranking is None or most == 0:
        return Repaired(decided, (), (f"{name} was not repaired: {problem or 'no node of it can be left out'}.",))
    judged: dict[int, Judged] = {}

    def good_enough(count: int) -> bool:
        candidate = without(broken.trial.candidate, [node.node for node in ranking.nodes[:count]])
        work.progress.step("repair", f"{candidate.name}: leaving out {count} of {len(ranking.nodes)} nodes")
        made = try_candidate(candidate, tried.referenced, work, lambda _: None, "repair")
        quality = judge(made, tried, judges_speed=False)
        passed = quality.status == "passed"
        judged[count] = judge(made, tried, decided.judges_speed) if passed and decided.judges_speed else quality
        return passed

    search(good_enough, most, min(ranking.first_guess, most), recipe.repair.trials)
    everything = (*decided.judged, *judged.values())
    winner = choose(everything, decided.judges_speed, recipe.goal)
    trials = tuple(entry.trial for entry in everything)
    repaired = [entry.trial.candidate for entry in judged.values()]
    ended = winner.trial.candidate if winner and winner.trial.origin == "repair" else repaired[-1]
    cut = (f"Of the {ranking.of} nodes of {name} the first {len(ranking.nodes)} were looked at.",)
    return Repaired(
        replace(decided, tried=replace(tried, trials=trials), judged=everything, winner=winner),
        tuple(Sensitivity(node, node.node in ended.exclude_nodes) for node in ranking.nodes),
        cut if ranking.of > len(ranking.nodes) else (),
    )


def search(good_enough: Callable[[int], bool], most: int, guess: int, trials: int) -> None:
    """Look for the fewest nodes to leave out, within `trials`: up from the guess until they are enough, then down.

    `good_enough` makes the candidate and says whether it keeps the answers; fewer nodes left out are faster.
    """
    low, high, count = 0, most + 1, guess
    for _ in range(trials):
        if good_enough(count):
            high = count
        else:
            low = count
        if high - low <= 1:
            return
        count = min(most, 2 * count) if high > most else (low + high) // 2


def without(candidate: Candidate, nodes: Sequence[str]) -> Candidate:
    """The candidate with some more nodes left out, named after how many."""
    suffix = f"-without-{len(nodes)}"
    return replace(
        candidate,
        name=candidate.name[: NAME_LENGTH - len(suffix)] + suffix,
        exclude_nodes=tuple(sorted({*candidate.exclude_nodes, *nodes})),
    )


def rank_nodes(broken: Judged, decided: Decided, work: Work) -> tuple[Ranking | None, str | None]:
    """Nodes by how much they hurt, found out in a process of its own; why not, when that fails."""
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    recipe, candidate = admitted.recipe, broken.trial.candidate
    folder = work.scratch / f"sensitivity-{candidate.name}"
    folder.mkdir()
    question = Question(
        candidate=entry_of(candidate),
        source=str(referenced.normalized.path),
        samples=str(referenced.samples_file),
        rows=admitted.samples.calibration[:ROWS].tolist(),
        ranges=str(ranges_file(candidate, work)),
        share=recipe.repair.max_excluded_share,
        enough_db=recipe.gate.min_sqnr_db + HEADROOM_DB,
        target=str(folder / "ranking.json"),
    )
    (folder / "question.json").write_text(json.dumps(asdict(question)))
    ended = run_limited(
        [sys.executable, "-m", "optimizer.sensitivity", str(folder / "question.json")],
        seconds=recipe.limits.candidate_seconds,
        memory_bytes=recipe.limits.candidate_memory_bytes,
        environment=environment(folder),
        errors=folder / "errors.txt",
        on_line=lambda line: work.progress.detail("repair", f"{candidate.name}: ranking nodes, {line}"),
    )
    if ended.timed_out:
        return None, f"ranking its nodes took longer than {recipe.limits.candidate_seconds} s"
    if ended.code != 0:
        return None, f"ranking its nodes failed ({ended.crashed or ended.complaint or f'status {ended.code}'})"
    return read_ranking(folder / "ranking.json"), None


def read_ranking(path: Path) -> Ranking:
    found: dict[str, Any] = json.loads(path.read_text())
    return Ranking(tuple(Node(**entry) for entry in found["nodes"]), found["first_guess"], found["of"])
