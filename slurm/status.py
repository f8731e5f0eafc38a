"""`python -m slurm.status`, the same as `bench status`. A composition root."""

from slurm.cli import main

if __name__ == "__main__":
    main("status")
