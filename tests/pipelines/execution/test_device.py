"""The device is the machine's setting: checked before anything is computed, recorded, and part of no derivation."""

import os
import subprocess
import sys

import pytest
import torch

from compression_ops import device as devices
from compression_ops.errors import CompressionError
from compression_ops.stages.stage import StageResult
from pipelines.commands import run as runner
from pipelines.commands import verify
from pipelines.execution import device
from pipelines.lineage import environment
from pipelines.state.materialization import from_json, to_json
from tests.conftest import REPOSITORY
from tests.pipelines import product


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose torch finds none."""
    monkeypatch.setattr(devices, "here", lambda: ("cpu",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with two GPUs, of which the first does not compute."""
    monkeypatch.setattr(devices, "here", lambda: ("cpu", "cuda:0", "cuda:1"))
    monkeypatch.setattr(devices, "name", lambda found: {"cuda:0": "Old", "cuda:1": "New"}.get(found, ""))
    monkeypatch.setattr(devices, "_fault", lambda found: "no kernel image is available" if found == "cuda:0" else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("gpu", ["not a device", "'gpu'", "cuda:<number>", "did you mean `cuda`?", "here: cpu"]),
        ("CUDA:1", ["not a device", "did you mean `cuda:1`?"]),
        ("cuda:-1", ["not a device"]),
        ("cuda:01", ["not a device"]),
        ("cpu:0", ["not a device", "did you mean `cpu`?"]),
        ("cuda", ["no such device on this machine", "what is here: cpu"]),
        ("cuda:1", ["no such device on this machine", "'cuda:1'"]),
        ("mps", ["no such device on this machine"]),
    ],
)
def test_a_device_that_is_none_or_not_here_is_refused_in_words(
    word: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(device.SETTING, word)
    for ask in (device.check, device.chosen):
        with pytest.raises(CompressionError) as caught:
            ask()
        assert all(part in str(caught.value) for part in ("COMPRESSION_DEVICE: ", *words)), caught.value


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("word", "recorded", "expected"),
    [
        ("", None, "cuda:1"),
        ("auto", None, "cuda:1"),
        ("auto", "cpu", "cpu"),
        ("auto", "cuda:7", "cuda:1"),
        ("cuda:1", "cpu", "cuda:1"),
        ("cpu", "cuda:1", "cpu"),
    ],
)
def test_auto_is_the_first_gpu_that_computes_or_where_a_result_was_made(
    word: str, recorded: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(device.SETTING, word)
    device.check()
    assert device.chosen(recorded) == expected


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_does_not_compute_says_why_and_which_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(device.SETTING, "cuda")
    with pytest.raises(CompressionError, match=r"no kernel image is available\n.*cpu, cuda:0 \(Old\), cuda:1 \(New\)"):
        device.check()


@pytest.mark.usefixtures("without_gpu")
def test_a_missing_device_stops_a_run_before_anything_and_no_status(
    recipe: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(device.SETTING, "cuda")
    assert set(product.states().values()) == {"fresh"}, "the device is no part of a derivation"
    assert not product.computed(), "nothing is computed, so nothing is asked of a device"
    with pytest.raises(CompressionError, match="COMPRESSION_DEVICE"):
        list(verify.verify(product.pipeline(), ["teacher"], lambda *_: None, print))


@pytest.mark.usefixtures("without_gpu")
def test_a_missing_device_fails_a_run_with_something_to_compute(defs: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(device.SETTING, "cuda:3")
    with pytest.raises(CompressionError, match="COMPRESSION_DEVICE"):
        runner.run(product.pipeline())
    assert set(product.states().values()) == {"missing"}


def test_a_result_says_where_it_was_made_and_verify_in_what_this_place_differs(recipe: object) -> None:
    made_on = product.entry("teacher").made_on
    assert made_on is not None
    assert (made_on.device, made_on.device_name) == ("cpu", "")
    assert made_on.threads is not None
    assert product.entry("measurements").made_on is not None
    (verdict,) = verify.verify(product.pipeline(), ["teacher"], lambda *_: None, print)
    assert verdict.reproduced
    assert verdict.made_on == made_on
    assert made_on.unlike(verdict.here) == []
    here = environment.made_on(StageResult({}, device="cpu", threads=made_on.threads + 1))
    assert made_on.unlike(here) == [f"threads {made_on.threads} → {made_on.threads + 1}"]


def test_an_entry_of_an_earlier_version_says_nothing_of_it(recipe: object) -> None:
    entry = product.entry("teacher")
    assert from_json(to_json(entry)) == entry
    fields = {name: value for name, value in to_json(entry).items() if name != "made_on"}
    assert from_json(fields).made_on is None


@pytest.mark.slow
@pytest.mark.parametrize("said", ["", "ACTIVE"])
def test_threads_that_wait_sleep_in_dagsters_processes_unless_the_user_says_otherwise(said: str, defs: object) -> None:
    """The setting is made before torch is imported, which reads it once."""
    program = (
        "import os, sys; from pipelines import definitions; definitions.defs();"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    variables = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    variables |= {"OMP_WAIT_POLICY": said} if said else {}
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-3:] == ([said, "None", "False"] if said else ["PASSIVE", "1000", "False"])
