"""Two things that would break `import transformers`, put out of its way before it is imported."""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def leave_repository_root() -> None:
    """Take the repository's root off ``sys.path``.

    `python -m` puts it there; the folder ``datasets`` would then look like Hugging Face's package.
    """
    ours = ROOT / "datasets"  # a folder; beside installed packages it would be theirs, a package
    if ours.is_dir() and not (ours / "__init__.py").exists():
        sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != ROOT.resolve()]


def hide_broken_torchaudio() -> str | None:
    """Hide a torchaudio that is installed but does not load, and return why; None if all is well.

    transformers imports torchaudio as soon as it is installed; a CUDA wheel beside a CPU torch then
    breaks every speech model.
    """
    if "torchaudio" in sys.modules or find_spec("torchaudio") is None:
        return None
    try:
        import torchaudio  # noqa: F401
    except (OSError, ImportError, RuntimeError) as error:  # RuntimeError: of another CUDA version
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio"] = None  # type: ignore[assignment]  # find_spec then finds nothing
        reason = " ".join(str(error).split()) or type(error).__name__
        warnings.warn(
            f"torchaudio is installed but does not load ({reason}); it is hidden. "
            "Fix: pip uninstall torchaudio",
            stacklevel=2,
        )
        return reason
    return None


def pick_device(name: str) -> str:
    """auto | cpu | cuda -> cpu | cuda. Raises ValueError when there is no GPU to take."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device: expected auto, cpu or cuda, got {name!r}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("--device cuda: torch sees no GPU here; use --device cpu (`bench doctor`)")
    return "cuda" if there and name != "cpu" else "cpu"
