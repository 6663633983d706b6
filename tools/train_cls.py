"""See `python tools/train_cls.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from classification.commands import train_main

if __name__ == "__main__":
    sys.exit(train_main())
