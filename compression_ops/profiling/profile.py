"""A few steps of a stage under a profiler: torch's where a network trains, onnxruntime's own where that computes."""

import gc
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.profiler import ProfilerActivity, profile

from compression_ops.errors import CompressionError
from compression_ops.onnx_model import session
from compression_ops.profiling import operators, peak
from compression_ops.profiling.operators import Call, Operator
from compression_ops.progress import Progress, ProgressCallback, silent

Run = Callable[[ProgressCallback], object]
_CONVOLUTION = "conv"  # in the names of all of torch's: aten::mkldnn_convolution, aten::_slow_conv2d_forward, ...
WARM_UP = 2  # steps before: the first one allocates, and chooses kernels


@dataclass(frozen=True)
class Profile:
    """What a profiler saw.

    engine     `torch` or `onnxruntime`
    steps      optimizer steps, or views of soft labels; 1 for a stage that was run as a whole
    threads    on which torch computed; onnxruntime's calls take one each
    peak       floating-point operations a second of a matrix product, in the same process
    operators  the dearest first
    """

    engine: str
    steps: int
    threads: int
    peak: float
    operators: tuple[Operator, ...]


class _Enough(Exception):
    """Ends a stage that was seen for long enough."""


def of_training(run: Run, steps: int, device: str, trace: Path | None = None) -> Profile:
    """So many optimizer steps of a stage that trains, which then ends; `trace` is written for Chrome and TensorBoard.

    Raises CompressionError where it takes no step after its first two, and what the stage raises.
    """
    where, taken = torch.device(device), 0
    profiler = _profiler()
    peaks: list[tuple[float, int]] = []

    def after_step(*_: Any) -> None:
        nonlocal taken
        taken += 1
        if taken == WARM_UP:
            profiler.start()
        elif taken == WARM_UP + steps:
            finish()
            raise _Enough

    def finish() -> None:
        profiler.stop()
        peaks.append((peak.measure(where), torch.get_num_threads()))

    handle = register_optimizer_step_post_hook(after_step)
    try:
        run(silent)
    except _Enough:
        pass
    finally:
        handle.remove()
    if taken <= WARM_UP:
        raise CompressionError(
            f"it trains for {taken} step(s), and the first {WARM_UP} are not profiled: there is nothing to see\n"
            "  let it train for more epochs, or on smaller batches"
        )
    if not peaks:
        finish()
    if trace is not None:
        profiler.export_chrome_trace(str(trace))
    (best, threads), seen = peaks[0], taken - WARM_UP
    return Profile("torch", seen, threads, best, operators.dearest(calls(profiler.events() or ()), best))


def _profiler() -> profile:
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    return profile(activities=activities, record_shapes=True)


def calls(seen: Iterable[Any]) -> Iterator[Call]:
    """Torch's operators among a profiler's events; where a kernel ran elsewhere, its time there.

    What comes down to a product that is seen itself, as `linear` does, has no operations of its own. A convolution's
    are those of the convolution that it comes down to, whatever its allocations and copies took.
    """
    events: Sequence[Any] = [event for event in seen if event.name.startswith("aten::")]
    elsewhere = any(event.self_device_time_total > 0 for event in events)

    def own(event: Any) -> float:
        return (event.self_device_time_total if elsewhere else event.self_cpu_time_total) / 1e6

    counted: dict[int, float] = {}
    for event in events:
        done = operators.of_product(event.name, event.input_shapes)
        if event.name in ("aten::convolution", "aten::convolution_backward"):
            done = operators.of_convolution(event.input_shapes, event.concrete_inputs)
        parts = list(_below(event))
        if done and not any(operators.of_product(part.name, part.input_shapes) for part in parts):
            dearest = max([event, *(part for part in parts if _CONVOLUTION in part.name)], key=own)
            counted[dearest.id] = counted.get(dearest.id, 0.0) + done
    for event in events:
        yield Call(event.name.removeprefix("aten::"), own(event), counted.get(event.id, 0.0))


def _below(event: Any) -> Iterator[Any]:
    for child in event.cpu_children:
        yield child
        yield from _below(child)


def of_sessions(run: Run, trace: Path | None = None) -> Profile | None:
    """onnxruntime's sessions in a stage, which ends after its first unit (a view) or as a whole; None if there is none.

    `trace` is written for Chrome and TensorBoard.
    """

    def first(step: Progress) -> None:
        if step.metrics:
            raise _Enough

    with tempfile.TemporaryDirectory(prefix="compression-") as folder:
        token = session.PROFILES.set(Path(folder))
        try:
            run(first)
        except _Enough:
            pass
        finally:
            session.PROFILES.reset(token)
        gc.collect()  # a session writes its profile when it is gone
        events = [event for file in sorted(Path(folder).iterdir()) for event in _read(file)]
    nodes = [event for event in events if event.get("cat") == "Node" and event["args"].get("op_name")]
    if not nodes:
        return None
    if trace is not None:
        trace.write_text(json.dumps(events))
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as each call of a session computes
    try:
        best = peak.measure(torch.device("cpu"))
    finally:
        torch.set_num_threads(before)
    return Profile("onnxruntime", 1, 1, best, operators.dearest(map(_of_node, nodes), best))


def _read(file: Path) -> list[dict[str, Any]]:
    """The events of one session; none of one that is still open."""
    try:
        return json.loads(file.read_text())
    except ValueError:
        return []


def _of_node(event: dict[str, Any]) -> Call:
    told = event["args"]
    shapes = [[shape for entry in told.get(name) or () for shape in entry.values()] for name in _SHAPES]
    return Call(told["op_name"], event["dur"] / 1e6, operators.of_node(told["op_name"], *shapes))


_SHAPES = ("input_type_shape", "output_type_shape")
