"""Prepare Multiface from its raw release or from FaceDiffuser's layout.

python datasets/multiface/prepare.py --raw FOLDER --out data/multiface
"""

import sys
from pathlib import Path

from multiface_release import read_raw, read_scaled

from bench.prepare.script import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__), [read_raw, read_scaled]))
