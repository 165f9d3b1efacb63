"""The training process of pipelines in tests, over a network that is traced and converted faster.

`small` itself is trained by test_backbones and the demo.
"""

from __future__ import annotations

import sys

from tiny_training import THIN

from components.progressive_trainer import networks, worker

if __name__ == "__main__":
    networks.SMALL_WIDTHS = THIN
    worker._end(worker.main(sys.argv[1:]))
