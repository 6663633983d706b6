"""Processes that score a split together."""

import json
from pathlib import Path

import torch.distributed as dist

from tests.segmentation.five_cases import collect


def score_as_rank(rank: int, folder: Path, shards: list[list[list[int]]]) -> None:
    """Scores splits of which each rank has the images of one shard, and writes the numbers as this rank has them."""
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=len(shards[0]))
    answers = []
    for shard in shards:
        for task in ("multiclass", "multilabel"):
            scores = collect(task, shard[rank]).compute()
            answers.append([scores.to_dict(), scores.by("smp"), scores.table()])
    (folder / f"{rank}.json").write_text(json.dumps(answers))
    dist.destroy_process_group()
