"""`python -m slurm.logs`, the same as `bench logs`. A composition root."""

from slurm.cli import main

if __name__ == "__main__":
    main("logs")
