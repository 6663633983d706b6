"""Batch normalisation over the joint batch of all ranks."""

import torch
from torch import Tensor, nn

from lumbar.ops.precision import at_least_float32
from lumbar.ops.reduce import num_ranks, sum_over_ranks


class SyncNorm(nn.BatchNorm2d):
    """Batch norm with the statistics of the joint batch, on any device; alone it is `nn.BatchNorm2d`.

    torch's own one exists for GPUs only, so that nobody without one can try a config that has it. Ranks may have maps
    of different sizes: every pixel of the joint batch counts alike. Peng et al. 2018 (arXiv:1711.07240), section 3.3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalises x (B, C, H, W) by the joint batch in training, by the running statistics otherwise."""
        if not self.training or num_ranks() == 1:
            return super().forward(x)
        wide = at_least_float32(x)
        variance, mean = torch.var_mean(wide, dim=(0, 2, 3), correction=0)
        count = wide.new_full((1,), wide.numel() / wide.shape[1])
        # First the joint mean, then the spread around it: their difference of squares would lose digits.
        sums = sum_over_ranks(torch.cat([mean * count, count]))
        joint_mean, joint_count = sums[:-1] / sums[-1], sums[-1].detach()
        spread = (variance + (mean - joint_mean) ** 2) * count
        joint_variance = sum_over_ranks(spread) / joint_count
        self._remember(joint_mean.detach(), joint_variance.detach(), joint_count)
        scale = self.weight * (joint_variance + self.eps).rsqrt()
        shift = self.bias - joint_mean * scale
        normalised: Tensor = wide * scale[:, None, None] + shift[:, None, None]
        return normalised.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Moves the running statistics towards those of this batch, (C,) each; the variance is made unbiased."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        unbiased = variance * (count / (count - 1).clamp(min=1))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked.add_(1)
