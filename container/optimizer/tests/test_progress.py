import json

from hypothesis import given
from hypothesis import strategies as st

from optimizer.progress import Progress


@given(st.integers(1, 30), st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=60))
def test_progress_never_goes_back_nor_beyond_its_total(total: int, moves: list[int | None]) -> None:
    lines: list[str] = []
    progress = Progress(total, lines.append)
    for move in moves:
        if move is None:
            progress.step("stage", "a step")
        else:
            progress.reach(move)
    done = [json.loads(line)["done"] for line in lines]
    assert done == sorted(done) and all(0 <= value <= total for value in done)
