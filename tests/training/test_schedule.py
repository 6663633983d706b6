"""Laws of the learning rate: where it begins, where it ends, and that nothing jumps but a milestone."""

from itertools import pairwise
from typing import Literal, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.training.config import ScheduleConfig
from lumbar.training.schedule import body_factor, build_schedule, factor, warmup_length

Name = Literal["multistep", "cosine", "poly", "constant"]
configs = st.builds(
    ScheduleConfig,
    name=st.sampled_from(get_args(Name)),
    warmup_steps=st.integers(0, 300),
    warmup_factor=st.floats(0, 1),
    final_factor=st.floats(0, 1),
    gamma=st.floats(0.01, 1),
)


@given(configs, st.integers(1, 2000))
@settings(max_examples=100)
def test_it_rises_to_the_peak_and_never_rises_again(config: ScheduleConfig, total: int) -> None:
    warmup = warmup_length(config, total)
    factors = [factor(step, total, config) for step in range(total + 1)]

    assert warmup <= total / 10
    assert max(factors) == pytest.approx(factors[warmup]) == pytest.approx(1.0)
    assert factors[: warmup + 1] == sorted(factors[: warmup + 1])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert all(0 <= value <= 1 for value in factors)


@given(configs, st.integers(20, 2000))
@settings(max_examples=100)
def test_it_begins_and_ends_where_the_config_says(config: ScheduleConfig, total: int) -> None:
    ends = {
        "multistep": config.gamma ** len(config.milestones),
        "cosine": config.final_factor,
        "poly": config.final_factor,
        "constant": 1.0,
    }
    first = config.warmup_factor if warmup_length(config, total) else 1.0

    assert factor(0, total, config) == pytest.approx(first)
    assert factor(total, total, config) == pytest.approx(ends[config.name])
    assert factor(2 * total, total, config) == pytest.approx(ends[config.name])


@pytest.mark.parametrize("name", ["cosine", "poly"])
def test_smooth_shapes_do_not_jump(name: Name) -> None:
    config = ScheduleConfig(name=name, warmup_steps=100, final_factor=0.1)
    factors = [factor(step, 1000, config) for step in range(1000)]

    assert max(abs(a - b) for a, b in pairwise(factors)) < 0.0101


def test_milestones_are_fractions_of_the_run() -> None:
    config = ScheduleConfig(milestones=(0.5, 0.75), gamma=0.1, warmup_steps=0)
    factors = [factor(step, 8, config) for step in range(8)]

    assert factors == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_optimiser_follows_and_resumes() -> None:
    config, total = ScheduleConfig(name="cosine", warmup_steps=2), 20

    def stepped(
        steps: int, state: dict[str, object] | None = None
    ) -> tuple[list[float], dict[str, object]]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3.0)
        schedule = build_schedule(optimizer, config, total)
        if state is not None:
            schedule.load_state_dict(state)
        rates = []
        for _ in range(steps):
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        return rates, schedule.state_dict()

    rates, _ = stepped(total)
    first, state = stepped(8)
    assert rates == pytest.approx(
        [3.0 * factor(step, total, config) for step in range(1, total + 1)]
    )
    assert first + stepped(total - 8, state)[0] == pytest.approx(rates)


@given(configs, st.integers(1, 2000), st.floats(0, 0.9))
@settings(max_examples=100)
def test_a_body_waits_and_then_rises_to_the_rate_of_the_rest(
    config: ScheduleConfig, total: int, begin: float
) -> None:
    config = config.model_copy(update={"body_from": begin})
    first = round(begin * total)
    ramp = warmup_length(config, total) if first else 0

    for step in range(total + 1):
        body, rest = body_factor(step, total, config), factor(step, total, config)
        if step < first:
            assert body == 0
        elif step >= first + ramp:
            assert body == rest
        else:
            assert body == pytest.approx(rest * (step - first + 1) / (ramp + 1))


@given(configs, st.integers(1, 500))
def test_a_body_that_does_not_wait_is_like_the_rest(config: ScheduleConfig, total: int) -> None:
    for step in range(total):
        assert body_factor(step, total, config) == factor(step, total, config)


def test_only_groups_of_the_body_wait() -> None:
    config, total = ScheduleConfig(name="constant", warmup_steps=0, body_from=0.5), 10
    body, head = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    groups = [{"params": [body], "lr": 0.1, "body": True}, {"params": [head], "body": False}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, weight_decay=0.1)
    schedule = build_schedule(optimizer, config, total)
    waited = []
    for _ in range(total):
        body.grad, head.grad = torch.ones(2), torch.ones(2)
        before = body.detach().clone()
        optimizer.step()
        waited.append(torch.equal(body, before))
        schedule.step()

    # Not even the decay moves it.
    assert waited == [True] * 5 + [False] * 5
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 1.0]
    assert bool((head < 1).all())


def test_a_constant_warm_up_jumps_to_the_peak() -> None:
    """He et al. 2015, section 4.2: 0.01 for 400 iterations of 64000, then 0.1."""
    config = ScheduleConfig(warmup="constant", warmup_factor=0.1, warmup_steps=400)

    factors = [factor(step, 64000, config) for step in (0, 399, 400, 20000)]

    assert factors == [0.1, 0.1, 1.0, 1.0]
