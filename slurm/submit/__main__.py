"""`python -m slurm.submit`, the same as `bench submit`. A composition root."""

from slurm.cli import main, submit

if __name__ == "__main__":
    main(submit)
