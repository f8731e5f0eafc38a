"""`python -m slurm status` and its relatives, the same as `bench status`. A composition root."""

from slurm.cli import COMMANDS, main

if __name__ == "__main__":
    main(*COMMANDS.values())
