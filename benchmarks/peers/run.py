"""The command of this folder, see `compare`: python benchmarks/peers/run.py [RECIPE]."""

import sys
from pathlib import Path

# This folder's modules are named as the tools are, which they import.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.peers.compare import main

if __name__ == "__main__":
    main()
