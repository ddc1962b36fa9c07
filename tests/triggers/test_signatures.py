"""Only what was signed with the secret, as the scheme says and lately, is taken."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.triggers.signatures import (
    ALGORITHMS,
    ENCODINGS,
    PRESETS,
    Scheme,
    SchemeError,
    SignatureRefused,
    check,
    sign,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
schemes = st.builds(
    lambda algorithm, encoding, prefix, is_timed: Scheme(
        "X-Signature",
        algorithm,
        encoding,
        prefix,
        "{timestamp}.{body}" if is_timed else "{body}",
        "X-Time" if is_timed else "",
    ),
    st.sampled_from(ALGORITHMS),
    st.sampled_from(ENCODINGS),
    st.sampled_from(["", "sha256=", "v1,", "v0="]),
    st.booleans(),
)


def headers(scheme: Scheme, secret: str, body: bytes, timestamp: str = STAMP) -> dict[str, str]:
    stamp = timestamp if scheme.timestamp_header else ""
    return {"x-signature": sign(scheme, secret, body, timestamp=stamp), "x-time": timestamp}


def is_taken(scheme: Scheme, secret: str, given: dict[str, str], body: bytes, now: datetime = NOW) -> bool:
    try:
        check(scheme, secret, given, body, now=now)
    except SignatureRefused:
        return False
    return True


@given(scheme=schemes, secret=st.text(min_size=1, max_size=40).filter(lambda s: s.isprintable()), body=st.binary())
def test_what_is_signed_is_taken(scheme: Scheme, secret: str, body: bytes) -> None:
    assert is_taken(scheme, secret, headers(scheme, secret, body), body)


@given(scheme=schemes, body=st.binary(), other=st.binary())
def test_another_body_or_secret_is_not(scheme: Scheme, body: bytes, other: bytes) -> None:
    signed = headers(scheme, "right", body)
    assert is_taken(scheme, "right", signed, other) == (body == other)
    assert not is_taken(scheme, "wrong", signed, body)


@given(scheme=schemes, header=st.text(max_size=200), timestamp=st.text(max_size=30), body=st.binary(max_size=50))
def test_any_header_is_refused_in_a_sentence(scheme: Scheme, header: str, timestamp: str, body: bytes) -> None:
    assert not is_taken(scheme, "secret", {"x-signature": header, "x-time": timestamp}, body)


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (-299, True), (299, True), (-301, False), (301, False)])
def test_an_old_or_future_one_is_refused(seconds: int, taken: bool) -> None:
    scheme = Scheme("X-Signature", signed="{timestamp}.{body}", timestamp_header="X-Time")
    signed = headers(scheme, "s", b"b", str(int(NOW.timestamp()) + seconds))
    assert is_taken(scheme, "s", signed, b"b") == taken


def test_another_timestamp_than_the_signed_one_is_refused() -> None:
    scheme = Scheme("X-Signature", signed="{timestamp}.{body}", timestamp_header="X-Time")
    signed = headers(scheme, "s", b"b", str(int(NOW.timestamp()) - 9_000))
    assert not is_taken(scheme, "s", {**signed, "x-time": STAMP}, b"b")


BODY = b'{"zen": "Keep it logically awesome."}'


def test_well_known_senders_are_understood() -> None:
    def mac(text: bytes, key: bytes = b"key") -> "hmac.HMAC":
        return hmac.new(key, text, hashlib.sha256)

    stamp = STAMP.encode()
    standard = mac(b"msg_1." + stamp + b"." + BODY, b"raw key").digest()
    slack = mac(b"v0:" + stamp + b":" + BODY).hexdigest()
    sent: dict[str, tuple[str, dict[str, str]]] = {
        "GitHub": ("key", {"x-hub-signature-256": "sha256=" + mac(BODY).hexdigest()}),
        "Slack": ("key", {"x-slack-signature": f"v0={slack}", "x-slack-request-timestamp": STAMP}),
        "Stripe": (
            "key",
            {"stripe-signature": f"t={STAMP},v1={'0' * 64},v1={mac(stamp + b'.' + BODY).hexdigest()},v0=aa"},
        ),
        "Standard Webhooks": (
            "whsec_" + base64.b64encode(b"raw key").decode(),
            {
                "webhook-signature": "v1,AAAA v1," + base64.b64encode(standard).decode(),
                "webhook-timestamp": STAMP,
            },
        ),
    }
    assert sent.keys() == PRESETS.keys()
    for name, (secret, carried) in sent.items():
        assert check(PRESETS[name], secret, carried, BODY, now=NOW, id="msg_1"), name


@pytest.mark.parametrize(
    ("data", "member"),
    [
        ({}, "header"),
        ({"header": "X Y"}, "header"),
        ({"header": "X", "algorithm": "md5"}, "algorithm"),
        ({"header": "X", "encoding": "rot13"}, "encoding"),
        ({"header": "X", "signed": "{timestamp}"}, "signed"),
        ({"header": "X", "signed": "{timestamp}.{body}"}, "signed"),
        ({"header": "X", "timestamp_header": "T"}, "signed"),
        ({"header": "X", "tolerance_seconds": 0}, "tolerance_seconds"),
        ({"header": "X", "tolerance_seconds": True}, "tolerance_seconds"),
        ({"header": 7}, "header"),
        ({"header": "X", "other": 1}, "other"),
    ],
)
def test_a_scheme_that_proves_nothing_is_refused(data: dict[str, Any], member: str) -> None:
    with pytest.raises(SchemeError) as caught:
        Scheme.from_json(data)
    assert caught.value.member == member


@given(schemes)
def test_a_scheme_is_stored_as_it_is(scheme: Scheme) -> None:
    assert Scheme.from_json(scheme.to_json()) == scheme
