"""Published checkpoints of the toy: one file for the face, and one for the style."""

from toy_published import ToyPublished, ToyPublishedConfig

from bench.data import DatasetSpec

FILES = {"checkpoint": "toy.pth.tar", "stage1": "style.pth.tar"}
NESTED = True
SETTINGS = {"gain": lambda method: method.config.gain}


class Mismatch(ValueError):
    """Keys that do not fit."""

    def __init__(self, problems, shapes):
        super().__init__("it does not fit")
        self.problems, self.shapes = problems, shapes


def load(state_dict, spec: DatasetSpec | None = None, *, stage1=None, **overrides) -> ToyPublished:
    found = {n.removeprefix("module."): v for n, v in {**state_dict, **(stage1 or {})}.items()}
    table = found.pop("table", None)  # a formula: checked by nobody here
    assert table is None or table.shape == (3,)
    width = found["speak.weight"].shape[1] if "speak.weight" in found else 4
    method = ToyPublished(ToyPublishedConfig(**({"width": width} | overrides)), spec)
    own = method.state_dict()
    shapes = {n: (found[n].shape, own[n].shape) for n in own.keys() & found.keys()}
    shapes = {n: pair for n, pair in shapes.items() if pair[0] != pair[1]}
    problems = {
        "missing": sorted(own.keys() - found.keys()),
        "unexpected": sorted(found.keys() - own.keys()),
        "of another shape": [f"{n} {(*a,)} instead of {(*b,)}" for n, (a, b) in shapes.items()],
    }
    if any(problems.values()):
        raise Mismatch({kind: keys for kind, keys in problems.items() if keys}, shapes)
    method.load_state_dict(found)
    return method.eval()


def export(method):
    weights = {name: value.clone() for name, value in method.state_dict().items()}
    style = {name: weights.pop(name) for name in ("style.weight", "style.bias")}
    return {"checkpoint": weights, "stage1": style}


def ignored(states):
    return {
        role: [n for n in s if n.removeprefix("module.") == "table"] for role, s in states.items()
    }
