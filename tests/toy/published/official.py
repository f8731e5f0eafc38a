"""Published checkpoints of the toy: one file for the face, and one for the style."""

from toy_published import ToyPublished, ToyPublishedConfig

from bench.data import DatasetSpec

FILES = {"checkpoint": "toy.pth.tar", "stage1": "style.pth.tar"}
NESTED = True


class Mismatch(ValueError):
    """Keys that do not fit."""

    def __init__(self, problems):
        super().__init__("it does not fit")
        self.problems = problems


def load(state_dict, spec: DatasetSpec | None = None, *, stage1=None, **overrides) -> ToyPublished:
    found = {n.removeprefix("module."): v for n, v in {**state_dict, **(stage1 or {})}.items()}
    table = found.pop("table", None)  # a formula: checked by nobody here
    assert table is None or table.shape == (3,)
    width = found["speak.weight"].shape[1] if "speak.weight" in found else 4
    method = ToyPublished(ToyPublishedConfig(**({"width": width} | overrides)), spec)
    own = method.state_dict()
    problems = {
        "missing": sorted(own.keys() - found.keys()),
        "unexpected": sorted(found.keys() - own.keys()),
        "of another shape": [
            f"{n} {tuple(found[n].shape)} instead of {tuple(own[n].shape)}"
            for n in sorted(own.keys() & found.keys())
            if found[n].shape != own[n].shape
        ],
    }
    if any(problems.values()):
        raise Mismatch({kind: keys for kind, keys in problems.items() if keys})
    method.load_state_dict(found)
    return method.eval()


def export(method):
    weights = {name: value.clone() for name, value in method.state_dict().items()}
    style = {name: weights.pop(name) for name in ("style.weight", "style.bias")}
    return {"checkpoint": weights, "stage1": style}
