"""The harness: clips, the method contract, steps and their cache, training, prediction, scoring."""

from bench.common.arithmetic import settle

settle()  # before numpy and torch are imported: they read it once
