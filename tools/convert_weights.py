"""See `python tools/convert_weights.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.commands import convert_main

if __name__ == "__main__":
    sys.exit(convert_main())
