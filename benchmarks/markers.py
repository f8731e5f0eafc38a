"""What a benchmark writes into a Markdown file stands between two markers."""

from pathlib import Path

from bench.files import write_atomically


def check_markers(path: Path, name: str = "bench") -> None:
    """Raises ValueError when ``<!-- name:start -->`` and ``<!-- name:end -->`` are not there once.

    For the start of a program that takes minutes until it writes.
    """
    _split(path, name)


def replace_between_markers(path: Path, text: str, name: str = "bench") -> None:
    """Put text between ``<!-- name:start -->`` and ``<!-- name:end -->`` of a file.

    Raises ValueError when they are not there once.
    """
    before, after = _split(path, name)
    with write_atomically(path) as temporary:
        temporary.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _split(path: Path, name: str) -> tuple[str, str]:
    """The file up to the first marker, that one included, and from the second one on."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ValueError(f"{path}: expected one {start} and after it one {end}; add them")
    return text[: text.index(start) + len(start)], text[text.index(end) :]
