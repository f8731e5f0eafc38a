"""The player's own script and style: written in small files, served as one of each."""

from pathlib import Path

from reports.text.writing import write_text

HERE = Path(__file__).parent
SCRIPTS = ("codec", "clock", "mesh", "scene", "camera", "panels", "controls", "player")
"""Files of js/ in the order in which they build on each other."""


def write_player(assets: Path) -> None:
    """Write ``player.js`` and ``player.css``."""
    write_text(assets / "player.js", script())
    write_text(assets / "player.css", (HERE / "player.css").read_text(encoding="utf-8"))


def script() -> str:
    """All scripts in one function, so that none of their names is seen outside."""
    parts = [(HERE / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(["(() => {", '"use strict";', *parts, "})();\n"])
