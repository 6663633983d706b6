"""Goes on with a fit until it is finished: `killed_fit.py FOLDER`, where the settings and the data are."""

import sys
from pathlib import Path

import torch

from lumbar.training.load import load_config
from medical.learning.fit import fit
from medical.study.config import MedicalConfig

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    config = load_config(MedicalConfig, folder / "study.yaml")
    fit(config, name="killed", output=folder / "run", resume="auto")
