import errno
import os

import pytest

from optimizer.errors import sentence


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.ENOSPC,
            "The disk is full: /x cannot be written. "
            "Free some space, or choose another place (--out; the cache is moved by SLIPWAY_CACHE).",
        ),
        (
            errno.EDQUOT,
            "The disk is full: /x cannot be written. "
            "Free some space, or choose another place (--out; the cache is moved by SLIPWAY_CACHE).",
        ),
        (errno.EACCES, "No permission to use /x. Change its permissions, or choose another place."),
        (errno.ENOENT, "/x does not exist. Check the path."),
        (errno.EISDIR, "/x is a folder, not a file. Name a file."),
        (errno.EIO, "Cannot use /x: Input/output error."),
    ],
)
def test_a_refusal_of_the_system_is_one_sentence(number: int, said: str) -> None:
    assert sentence(OSError(number, os.strerror(number), "/x")) == said
