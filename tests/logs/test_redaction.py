"""Secrets reach no log, whatever they are called and wherever they stand."""

import logging

import pytest

from agentflow.logs.redaction import HIDDEN, hidden, without_secrets
from tests.logs.conftest import Lines

SECRET = "hunter2hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://user:{SECRET}@host:5432/name",
        f"redis://:{SECRET}@host/0",
        f"postgresql://user:a@{SECRET}@%2Fvar%2Frun/name",
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}=",
        f"GET /x?api_key={SECRET}&page=2",
        f"{{'password': '{SECRET}', 'user': 'alice'}}",
        f'{{"access_key": "{SECRET}"}}',
        f"connect failed: host=db password={SECRET} user=me",
        f"Cookie: sessionid={SECRET}",
        f"af_{SECRET}-{SECRET}",
        f"key sk-{SECRET} refused",
        f"ghp_{SECRET}",
        f"xoxb-{SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secret_in_a_text_is_hidden(text: str) -> None:
    assert SECRET not in hidden(text)
    assert HIDDEN in hidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?page=2",
        "https://alice@example.org/",
        "12 tokens used",
        "password changed",
        "the author of the key",
        "worker 7 lost 01a22e6e-f273-71ef-b729-43df52afd73e",
    ],
)
def test_text_without_a_secret_stays(text: str) -> None:
    assert hidden(text) == text


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "X-Api-Key", "secret", "SECRET_KEY", "Authorization", "access_token", "sessionid"],
)
def test_value_with_such_a_name_is_hidden_at_any_depth(name: str) -> None:
    assert without_secrets({"sent": [{name: SECRET}]}) == {"sent": [{name: HIDDEN}]}


def test_numbers_of_tokens_are_no_secrets() -> None:
    assert without_secrets({"tokens": 120, "has_password": True}) == {"tokens": 120, "has_password": True}


def test_objects_are_shown_without_secrets(lines: Lines) -> None:
    class Config:
        def __str__(self) -> str:
            return f"Config(token={SECRET})"

    logging.getLogger("x").warning(
        "started with %s", f"password={SECRET}", extra={"config": Config(), "api_key": SECRET}
    )
    (line,) = lines()
    assert SECRET not in str(line)
    assert line["event"] == f"started with password={HIDDEN}"
