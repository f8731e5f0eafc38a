"""The numbers a method is judged by: one table of metrics, ``score`` for a clip, ``pool`` for many.

Conventions  Every metric is a pure function of one clip, streamed over frames in float64. Pooling
             "frames" weighs every frame the same, "clips" every clip; missing clips are left out of
             both, and their weight 0 says so. ``unit`` stands for the dataset's length unit.
Shapes       see bench/metrics/sample.py.    Units  named per metric.
"""

from bench.metrics.sample import Sample, Samples, Score
from bench.metrics.table import METRICS, Metric

__all__ = ["METRICS", "Metric", "Sample", "Samples", "Score", "pool", "score"]
