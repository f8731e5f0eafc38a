"""Answer files as the questionnaire saves them: read strictly, or refused with one reason."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bench.common.files import sha256_of_file
from reports.study.records import QUESTIONS, Key, Record, read_record

CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


def _code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise ValueError("expected 1 to 40 letters, digits, - and _")
    return text


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Moment = Annotated[str, AfterValidator(_moment)]
"""An ISO 8601 time, as the browser wrote it."""

Rating = Annotated[int, Field(ge=1, le=5)]


class Answer(Record):
    """One participant's ratings of one stimulus."""

    stimulus: str
    realism: Rating
    lip_sync: Rating
    plays: int = Field(ge=1)
    seconds: float = Field(ge=0, allow_inf_nan=False)


class Answers(Record):
    """One participant's file."""

    format: Literal["talking-face-bench study answers 1"]
    study: str
    participant: Annotated[str, AfterValidator(_code)]
    session: str = Field(pattern=r"^[0-9a-f]{32}$")
    started: Moment
    finished: Moment | None  # None: saved on the way
    answers: tuple[Answer, ...]

    def ratings(self, question: str) -> dict[str, int]:
        """Stimulus -> rating; the question is one of QUESTIONS."""
        return {answer.stimulus: getattr(answer, question) for answer in self.answers}


class Refused(Record):
    """A file that does not count."""

    file: str
    reason: str


class Inattentive(ValueError):
    """A file that failed an attention check: whoever made it gets no second try."""

    def __init__(self, found: Answers, reason: str) -> None:
        super().__init__(f"attention check failed: {reason}")
        self.found = found


@dataclass(frozen=True)
class Collected:
    """The files that came in: those that count, by participant, and those that do not."""

    accepted: tuple[Answers, ...]
    refused: tuple[Refused, ...]


def collect_answers(paths: Iterable[Path], key: Key) -> Collected:
    """Read files in the order of their names; a folder stands for the .json files in it.

    Of several files of one participant the first one counts; where it fails an attention check,
    none does. Raises ValueError where there is no file.
    """
    files = sorted({path.resolve(): path for path in _files(paths)}.values())
    if not files:
        raise ValueError("no answer file was given")
    accepted: dict[str, Answers] = {}
    seen: dict[str, Path] = {}  # contents or session -> file
    barred: dict[str, Path] = {}  # participant or session that failed an attention check -> file
    refused = []
    for path in files:
        try:
            found = _checked(path, key, accepted, seen, barred)
            accepted[found.participant] = found
            seen |= {found.session: path, sha256_of_file(path): path}
        except ValueError as error:
            if isinstance(error, Inattentive):
                barred |= {error.found.participant: path, error.found.session: path}
            refused.append(
                Refused(file=path.name, reason=str(error).removeprefix(str(path)).lstrip(": "))
            )
    order = sorted(accepted.values(), key=lambda each: each.participant)
    return Collected(tuple(order), tuple(refused))


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from path.glob("*.json")
        else:
            yield path


def _checked(
    path: Path,
    key: Key,
    accepted: Mapping[str, Answers],
    seen: Mapping[str, Path],
    barred: Mapping[str, Path],
) -> Answers:
    """The file's answers. Raises ValueError with the first reason not to count them."""
    if path.exists() and (same := seen.get(sha256_of_file(path))):
        raise ValueError(f"the same file as {same.name}")
    found = read_record(Answers, path, "an answer file")
    if found.study != key.study:
        raise ValueError(f"answers of another study ({found.study}, the key is of {key.study})")
    if failed := barred.get(found.participant) or barred.get(found.session):
        raise ValueError(f"the same person as {failed.name}, which failed an attention check")
    if found.participant in accepted:
        raise ValueError(f"participant {found.participant} has handed in answers already")
    if found.session in seen:
        raise ValueError(f"the same answers as {seen[found.session].name} under another code")
    _check_stimuli([answer.stimulus for answer in found.answers], key)
    if found.finished is None:
        raise ValueError("a progress file: the questionnaire was not finished")
    if missed := failed_checks(found, key):
        raise Inattentive(found, missed[0])
    return found


def _check_stimuli(given: Sequence[str], key: Key) -> None:
    if strange := sorted(set(given) - set(key.stimuli)):
        raise ValueError(f"stimulus {strange[0]} is not in this study")
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise ValueError(f"stimulus {twice} is rated twice")
    if len(given) < len(key.stimuli):
        raise ValueError(f"incomplete: {len(given)} of {len(key.stimuli)} clips are rated")


def failed_checks(found: Answers, key: Key) -> list[str]:
    """Attention checks that were not passed, in words."""
    given = found.ratings("lip_sync")
    return [
        f"{QUESTIONS['lip_sync'].lower()} {given[name]} for {check.words}, at most {check.at_most}"
        for name, check in key.checks.items()
        if given[name] > check.at_most
    ]
