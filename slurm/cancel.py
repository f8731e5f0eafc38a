"""`python -m slurm.cancel`, the same as `bench cancel`. A composition root."""

from slurm.cli import main

if __name__ == "__main__":
    main("cancel")
