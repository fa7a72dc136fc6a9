"""Commands that are told name the environment in which they have to be given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from python_models import environments


@pytest.fixture(autouse=True)
def production() -> Iterator[None]:
    yield
    environments.enter(environments.PRODUCTION)


def test_production_makes_its_own_tables_anew() -> None:
    command = "sqlmesh plan --restate-model tacos.clusters --run --ignore-cron"
    assert environments.restate_command("tacos.clusters", is_in_production=True) == command
    assert environments.restate_command("tacos.clusters", is_in_production=False) == command  # its first plan


def test_an_environment_makes_anew_what_is_its_own_and_leaves_to_production_what_is_shared() -> None:
    environments.enter("dev")
    own = environments.restate_command("tacos.clusters", is_in_production=False)
    assert own == "sqlmesh plan dev --restate-model tacos.clusters --run --ignore-cron"
    shared = environments.restate_command("tacos.clusters", is_in_production=True)
    plan, _, run = shared.partition(" && ")
    assert plan == "sqlmesh plan --restate-model tacos.clusters --run --ignore-cron"
    assert run == "sqlmesh plan dev --run --ignore-cron"
