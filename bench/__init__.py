"""The harness: clips, the method contract, steps and their cache, training, prediction, scoring."""
