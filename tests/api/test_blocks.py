"""The catalogue of blocks in the API."""

import pytest
from rest_framework.test import APIClient

from blocks.registry import registry

BLOCKS = "/api/v1/blocks/"


def test_the_catalogue_has_every_block(alice_api: APIClient) -> None:
    catalogue = alice_api.get(BLOCKS).json()
    assert [block["id"] for block in catalogue["results"]] == [block.id for block in registry().all()]
    assert catalogue["categories"][0] == "Input & output"
    assert catalogue["disabled"] == []


def test_a_block_is_found_by_its_id(alice_api: APIClient) -> None:
    block = alice_api.get(f"{BLOCKS}core.value/").json()
    assert (block["id"], block["outputs"][0]["name"]) == ("core.value", "value")


@pytest.mark.parametrize("name", ["core.nothing", "..", "é"])
def test_an_unknown_block_is_not_found(alice_api: APIClient, name: str) -> None:
    assert alice_api.get(f"{BLOCKS}{name}/").status_code == 404


def test_ports_follow_the_config(alice_api: APIClient) -> None:
    config = {"cases": {"big": 1, "small": 2}}
    ports = alice_api.post(f"{BLOCKS}logic.switch/ports/", {"config": config}).json()
    assert {"big", "small"} <= {port["name"] for port in ports["outputs"]}


def test_a_config_that_gives_no_ports_says_why(alice_api: APIClient) -> None:
    answer = alice_api.post(f"{BLOCKS}logic.switch/ports/", {"config": {"cases": 5}})
    assert answer.status_code == 200
