"""The scenarios: the scripted solution passes; an idle agent and a wrong end state do not."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from models.anthropic_api import Anthropic
from models.script import Say, serving

from gloveport.clients.scenarios.catalog import SCENARIOS
from gloveport.clients.scenarios.runner import judged_wrong
from gloveport.clients.scenarios.scenario import Scenario
from gloveport.clients.scenarios.variation import SIZES, Variation

BENCH = [sys.executable, "-m", "gloveport.server.cli", "bench", "scenarios"]
SEED = 7  # pop-up, shift, look-alike, small screen, dark, Chinese, a second window


@dataclass(frozen=True)
class Folder:
    """A folder as the home of a desktop."""

    path: Path

    async def read(self, path: str) -> bytes | None:
        at = self.path / path
        return at.read_bytes() if at.exists() else None

    async def write(self, path: str, data: bytes) -> None:
        at = self.path / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)

    async def names(self, path: str) -> list[str]:
        at = self.path / path
        return [one.name for one in at.iterdir()] if at.exists() else []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
@pytest.mark.parametrize("seed", range(8))
async def test_neither_idleness_nor_a_wrong_end_passes(
    scenario: Scenario, seed: int, tmp_path: Path
) -> None:
    idle, wrong = await judged_wrong(scenario, seed, Folder(tmp_path))
    assert idle
    assert wrong


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", ["shop,coffee", "form", "drag", "trap"])
def test_the_scripted_solution_passes(names: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [*BENCH, "--json", "--seed", str(SEED), "--only", names, "--out", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = json.loads(ran.stdout)
    results = {one["scenario"]: one for one in told["runs"]}
    assert sorted(results) == sorted(names.split(",")), ran.stderr
    assert [one["why"] for one in results.values() if not one["passed"]] == []
    assert (told["ok"], ran.returncode) == (True, 0)
    assert all(one["steps"] > 3 for one in results.values())


@pytest.mark.timeout(120)
async def test_a_model_is_judged_by_what_it_did_not_by_what_it_says(tmp_path: Path) -> None:
    async with serving(Anthropic([[Say("The phone is in the cart.")]])) as api:
        ran = await anyio.run_process(
            [*BENCH, "--json", "--only", "shop", "--agent", "claude", "--base-url", api,
             "--out", str(tmp_path)],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ANTHROPIC_API_KEY": "key"},
            check=False,
        )  # fmt: skip
    told = json.loads(ran.stdout)
    (result,) = told["runs"]
    assert (told["ok"], told["passed"], ran.returncode) == (False, 0, 1)
    assert result["said"] == "The phone is in the cart."
    assert "the cart holds []" in result["why"]


def test_an_unknown_scenario_is_named() -> None:
    ran = subprocess.run([*BENCH, "--only", "tea"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "there is no scenario tea; there are shop, coffee" in ran.stderr


def test_seeds_draw_everything_and_the_same_again() -> None:
    drawn = [Variation.drawn(seed) for seed in range(100)]
    assert drawn == [Variation.drawn(seed) for seed in range(100)]
    assert {one.size for one in drawn} == set(SIZES)
    assert {one.language for one in drawn} == {"en", "zh"}
    for part in ("popup", "shift"):
        assert {getattr(one, part) is None for one in drawn} == {True, False}
    for part in ("dark", "behind", "look_alike"):
        assert {getattr(one, part) for one in drawn} == {True, False}
