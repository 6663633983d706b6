"""Settings of the optimiser, the schedule and the run; a step is always an optimiser step."""

from typing import Annotated, Literal

from pydantic import Field

from lumbar.schema import Section


class OptimConfig(Section):
    """The optimiser and its parameter groups."""

    name: Literal["sgd", "adamw", "lamb"] = "sgd"
    """sgd: with momentum; adamw: decoupled weight decay; lamb: for large batches (You et al. 2019, arXiv:1904.00962),
    where the rate is a share of the length of the weights."""
    lr: float = Field(default=0.02, gt=0)
    """Peak learning rate for a total batch of `base_batch_size` images."""
    base_batch_size: int | None = Field(default=16, ge=1)
    """Linear scaling rule (Goyal et al. 2017): lr is multiplied by total batch / this; null: lr is taken as it is."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """SGD momentum; beta 1 of AdamW and LAMB."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Beta 2 of AdamW and LAMB."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """For convolution and linear weights."""
    norm_weight_decay: float = Field(default=0.0, ge=0)
    """For the weights and biases of norms."""
    bias_weight_decay: float | None = Field(default=None, ge=0)
    """For other biases; null: as `weight_decay`."""
    backbone_lr_factor: float = Field(default=1.0, ge=0)
    """Multiplies the learning rate of the residual body."""
    lr_factors: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """Multiply the learning rates of other parts by their names, `{aux_classifier: 10}` as torchvision's references; of
    several that fit a parameter, the longest name counts."""


class ScheduleConfig(Section):
    """The learning rate over the run."""

    name: Literal["multistep", "cosine", "poly", "constant"] = "multistep"
    """Shape after the warm-up."""
    warmup_steps: int = Field(default=1000, ge=0)
    """Steps of warm-up; at most a tenth of the run is used, and the start table says so."""
    warmup: Literal["linear", "constant"] = "linear"
    """linear: the rate rises to its peak; constant: it stays at `warmup_factor`, as for the ResNet-110 of CIFAR-10 (He
    et al. 2015, section 4.2)."""
    warmup_factor: float = Field(default=1e-3, ge=0, le=1)
    """Learning rate factor at the first step."""
    milestones: tuple[float, ...] = (0.6667, 0.8889)
    """multistep: fractions of the run after which the rate is multiplied by `gamma`."""
    gamma: float = Field(default=0.1, gt=0, le=1)
    """multistep: the factor at each milestone."""
    power: float = Field(default=0.9, gt=0)
    """poly: the exponent."""
    final_factor: float = Field(default=0.0, ge=0, le=1)
    """cosine and poly: the factor at the end."""
    body_from: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the run during which the residual body keeps a rate of 0, so that new parts do not spoil what it has
    learned elsewhere; then its rate rises to that of the others in as many steps as the warm-up has."""


class TrainerConfig(Section):
    """How the run is driven."""

    max_epochs: int = Field(default=12, ge=1)
    """Passes over the training images."""
    max_steps: int | None = Field(default=None, ge=1)
    """Stop after so many steps, whatever `max_epochs` says."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: the GPU where there is one."""
    devices: int | Literal["auto"] = "auto"
    """Devices of each node; on the CPU auto is 1."""
    nodes: int = Field(default=1, ge=1)
    """Machines; under torchrun or SLURM take what was launched."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the device has units for it, else fp32. Boxes and losses are float32 in any case."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are summed into one step."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; null: no clipping."""
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    """Exponential moving average of the weights, used for evaluation and release; null: none."""
    channels_last: bool = True
    """Memory format of images and convolutions."""
    compile: Literal["auto", "none", "default", "cudagraphs"] = "auto"
    """torch.compile of the model's parts in training. default: a graph for each canvas, see `data.canvas_buckets`, and
    each is tried out before the first step; cudagraphs: the GPU records them as well. auto: default on a GPU, where the
    canvases are known and the run is long enough to be worth the minutes that it takes."""
    deterministic: bool = False
    """Deterministic kernels on CUDA, at some cost."""
    val_every_epochs: int = Field(default=1, ge=1)
    """Epochs between evaluations on the validation split; the last epoch is always evaluated."""
    log_every_steps: int = Field(default=20, ge=1)
    """Steps between logged values."""
    save_every_steps: int | None = Field(default=1000, ge=1)
    """Steps between savings of `last.ckpt` within an epoch; null: only before evaluations and after epochs."""
    max_skipped_steps: int = Field(default=10, ge=1)
    """Steps are skipped while the loss or the gradient is not finite; so many in a row end the run."""
    slurm_requeue: bool = False
    """Put a SLURM job that gets SIGUSR1 into the queue again, once its state is saved."""
    loggers: tuple[Literal["csv", "tensorboard", "wandb", "mlflow"], ...] = ("csv", "tensorboard")
    """wandb and mlflow need their packages."""
    progress: Literal["auto", "rich", "plain", "none"] = "auto"
    """auto: a bar on a terminal, plain lines otherwise."""
