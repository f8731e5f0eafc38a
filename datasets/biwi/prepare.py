"""Prepare BIWI from its raw release or from the layout of the published repositories.

python datasets/biwi/prepare.py --raw FOLDER --out data/biwi
"""

import sys
from pathlib import Path

from biwi_release import read_raw

from bench.prepare.script import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__), [read_raw]))
