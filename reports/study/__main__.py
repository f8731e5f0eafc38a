"""``python -m reports.study``."""

from reports.study.command import app

if __name__ == "__main__":
    app()
