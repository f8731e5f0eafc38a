"""From weights to predictions, and from predictions to the scores of each clip.

Open predict.py, then evaluate.py. The pipeline, the checks and the commands may import it.
"""
