"""Options that several commands share, spelled once."""

from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from bench.common.arithmetic import CHOICE, choose

if TYPE_CHECKING:
    from bench.registry.rows import Registry


def registry() -> "Registry":
    """The methods of this repository and of installed packages."""
    from bench.registry.rows import Registry
    from methods import METHODS

    return Registry(METHODS)


def complete_method(start: str) -> list[str]:
    """Names of methods and rows for the shell's completion."""
    return [name for name in registry().rows() if name.startswith(start)]


def _chosen(arithmetic: str) -> str:
    choose(arithmetic)
    return arithmetic


METHOD = typer.Option(
    "--method",
    "-m",
    help="A name of `bench list methods` or package.module:Class. Repeatable.",
    autocompletion=complete_method,
)
DATASET = typer.Option("--dataset", "-d", help="A prepared dataset; default: the profile's.")
PROFILE = typer.Option("--profile", help="mini, smoke or paper; default: params.yaml's.")
SET = typer.Option("--set", help="Override a preset key, e.g. train.lr=1e-4. Repeatable.")
SAMPLER = typer.Option(
    help="ancestral or ddim, where the method has it; retrains nothing. "
    "Short for --set model.sampling.sampler=NAME."
)
STEPS = typer.Option(
    min=1,
    help="Denoising steps of a prediction; retrains nothing. "
    "Short for --set model.sampling.steps=N. (Training steps: --set train.steps=N.)",
)
DEVICE = typer.Option("--device", help="auto, cpu or cuda.")
ARITHMETIC = typer.Option(
    "--arithmetic",
    callback=_chosen,
    is_eager=True,  # before anything that computes is imported
    envvar=CHOICE,
    help="exact: the same digits on every x86-64-v3 CPU; native: this one's fastest code.",
)
EXECUTOR = typer.Option(
    help="Where steps run: local (here), or slurm (submitted, and waited for; "
    "$BENCH_CLUSTER: another cluster than slurm/clusters/slurm.yaml)."
)
WORKERS = typer.Option("--workers", min=0, help="Processes; default: one per core. 0: in this one.")
SEED = typer.Option("--seed", "-s", help="Repeat for several; default: the profile's.")
DRY_RUN = typer.Option(
    "--dry-run", help="Show what would run, why it is not cached, the time and the GB."
)
FORCE = typer.Option(
    "--force", help="Do this command's own steps again, and what follows from them."
)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `bench run` and its relatives."""

    methods: Annotated[tuple[str, ...], METHOD]
    dataset: Annotated[str | None, DATASET] = None
    ablation: Annotated[str | None, typer.Option(help="Run every variant of a named ablation.")] = (
        None
    )
    variant: Annotated[str | None, typer.Option(help="Only this variant of the ablation.")] = None
    seeds: Annotated[tuple[int, ...], SEED] = ()
    profile: Annotated[str | None, PROFILE] = None
    sampler: Annotated[str | None, SAMPLER] = None
    steps: Annotated[int | None, STEPS] = None
    overrides: Annotated[tuple[str, ...], SET] = ()
    device: Annotated[str, DEVICE] = "auto"
    arithmetic: Annotated[str, ARITHMETIC] = "exact"
    executor: Annotated[str, EXECUTOR] = "local"
    workers: Annotated[int | None, WORKERS] = None
    dry_run: Annotated[bool, DRY_RUN] = False
    force: Annotated[bool, FORCE] = False
    until: str = "evaluate"
    force_from: str = "train"  # the first kind of step that --force does again

    @property
    def all_overrides(self) -> tuple[str, ...]:
        """Preset overrides, of which an explicit --set wins over a short form.

        Raises ValueError for a sampler's option where nothing is predicted.
        """
        short = {"sampler": self.sampler, "steps": self.steps}
        chosen = [f"model.sampling.{k}={v}" for k, v in short.items() if v is not None]
        if chosen and self.until == "train":
            raise ValueError(
                "--sampler and --steps say how to predict; for the steps of a training use "
                "--set train.steps=N"
            )
        return (*chosen, *self.overrides)


@dataclass(frozen=True, kw_only=True)
class AnimateOptions:
    """The options of `bench animate`."""

    run: Annotated[
        str, typer.Option(help="A key of `bench list runs` (its first digits), or a row: gldi.")
    ]
    audio: Annotated[Path, typer.Option(help="Speech: wav, flac, ogg, mp3, at any rate.")]
    out: Annotated[
        Path,
        typer.Option(
            help="NAME.mp4, .npy, .glb, .csv (Live Link Face) or .json (weights), or a folder for "
            "an .obj per frame."
        ),
    ]
    style: Annotated[str | None, typer.Option(help="A training subject; default: the first.")] = (
        None
    )
    template: Annotated[
        Path | None, typer.Option(help="Neutral face (.ply, .obj, .npy); default: the style's.")
    ] = None
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="Of a row.")] = None
    seed: Annotated[int | None, typer.Option("--seed", "-s", help="Of a row.")] = None
    profile: Annotated[str | None, PROFILE] = None
    sample: Annotated[int, typer.Option(min=0, help="Which draw, where a method draws.")] = 0
    size: Annotated[int, typer.Option(min=64, help="Pixels of a video's side.")] = 512
    fps: Annotated[
        str | None,
        typer.Option(
            help="Of weights: a number, or run for the run's own; default: 60 in a .csv, else run."
        ),
    ] = None
    device: Annotated[str, DEVICE] = "auto"
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """The options of `bench score`."""

    dataset: Annotated[str, typer.Option("--dataset", "-d", help="biwi, vocaset or multiface.")]
    pred: Annotated[
        Path, typer.Option(help="Folder of <subject>_<sentence>_condition_<subject>[_<k>].npy.")
    ]
    gt: Annotated[
        Path | None, typer.Option(help="Folder of <subject>_<sentence>.npy; default: data/.")
    ] = None
    templates: Annotated[
        Path | None, typer.Option(help="templates.pkl, a folder of meshes, or one mesh.")
    ] = None
    regions: Annotated[Path | None, typer.Option(help="Folder of lve.txt and fdd.txt.")] = None
    gt_fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of --gt; default: the release's (VOCASET: 60)."),
    ] = None
    name: Annotated[str | None, typer.Option(help="Of the row; default: the folder's.")] = None
    out: Annotated[Path | None, typer.Option(help="Write the record (JSON) here.")] = None


def command_of(
    record: type[Any],
    work: Callable[[Any], int],
    text: str,
    without: Collection[str] = (),
    **fixed: Any,
) -> Callable[..., None]:
    """A command that hands its options to ``work``, as a record, and exits with its code.

    The annotated fields of the record are the options, but for those ``without`` and those that
    are ``fixed``; ``text`` is the help.
    """

    def command(**given: Any) -> None:
        told = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
        raise typer.Exit(work(record(**told, **fixed)))

    options = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=_as_typer_has_it(field.type),
        )
        for field in fields(record)
        if get_origin(field.type) is Annotated and field.name not in (*without, *fixed)
    ]
    command.__signature__ = Signature(options)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in options}
    command.__doc__ = text
    return command


def _as_typer_has_it(annotation: Any) -> Any:
    """A list in place of a tuple of any length: typer knows no other kind of repeated option."""
    kind, option = get_args(annotation)
    if get_origin(kind) is tuple:
        kind = list[get_args(kind)[0]]  # type: ignore[misc]
    return Annotated[kind, option]
