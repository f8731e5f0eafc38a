"""`python -m slurm.retry`, the same as `bench retry`. A composition root."""

from slurm.cli import main

if __name__ == "__main__":
    main("retry")
