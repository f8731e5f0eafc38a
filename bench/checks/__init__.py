"""Does a method keep the contract, and how long does it take?

Open contract.py first. The commands and slurm may import it.
"""
