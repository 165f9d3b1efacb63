"""TFMA metrics of ours, where EvalConfig looks for them; each is a function of `photo_sums`."""

from components.taxon_evaluator.metrics.log_loss import LogLoss
from components.taxon_evaluator.metrics.photo_count import PhotoCount
from components.taxon_evaluator.metrics.photo_sums import LABEL_RANK, LABEL_SCORE
from components.taxon_evaluator.metrics.top_k import TopKAccuracy

__all__ = ["LABEL_RANK", "LABEL_SCORE", "LogLoss", "PhotoCount", "TopKAccuracy"]
