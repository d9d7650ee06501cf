"""What the optimizer raises when the user, not the program, has to do something."""

import errno
from collections.abc import Iterable
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class UserError(Exception):
    """One or more problems, each a whole sentence that says what was given, what is allowed and what to do."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class GateFailedError(UserError):
    """No candidate passed and the recipe says that this is an error."""


def sentence(error: OSError) -> str:
    """An operating system's refusal in one sentence for people."""
    place = error.filename2 or error.filename or "a scratch file"
    if error.errno in NO_ROOM:
        return (
            f"The disk is full: {place} cannot be written. "
            "Free some space, or choose another place (--out; the cache is moved by SLIPWAY_CACHE)."
        )
    if isinstance(error, PermissionError):
        return f"No permission to use {place}. Change its permissions, or choose another place."
    if isinstance(error, FileNotFoundError):
        return f"{place} does not exist. Check the path."
    if isinstance(error, IsADirectoryError):
        return f"{place} is a folder, not a file. Name a file."
    return f"Cannot use {place}: {error.strerror}."


def read(path: Path, what: str) -> bytes:
    """The bytes of a file the user named, `what` for people, such as `The model`.

    Raises UserError when it is missing, a folder or not readable.
    """
    if path.is_dir():
        raise UserError(f"{what} {path}: this is a folder. Name the file itself.")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{what} {path}: no such file. Check the path.") from None
    except PermissionError:
        raise UserError(f"{what} {path}: no permission to read it. Change its permissions.") from None
