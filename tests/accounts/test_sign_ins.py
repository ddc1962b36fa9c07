"""Sessions, passwords, and guessing them."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from agentflow.accounts import password_views
from agentflow.accounts.models import AuditEntry, SignIn
from agentflow.accounts.password_views import ForgottenView
from agentflow.accounts.views import LoginView
from agentflow.api.throttling import Buckets
from tests.factories import PASSWORD

LOGIN, ACCOUNT = "/accounts/login/", "/account/"
NEW = "a-new-password-7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def _fresh_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoginView, "failures", Buckets(rate=1 / 2, burst=100))
    monkeypatch.setattr(ForgottenView, "asked", Buckets(rate=1 / 60, burst=5))


class NowThread:
    """A thread that has ended when it is started."""

    def __init__(self, *, target, args, **_) -> None:
        self.start = lambda: target(*args)


def signed_in(name: str, agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    assert log_in(client, name) == 302
    return client


def log_in(client: Client, name: str, password: str = PASSWORD, **meta: Any) -> int:
    return client.post(LOGIN, {"username": name, "password": password}, **meta).status_code


def test_sessions_are_listed(alice: User) -> None:
    here, _ = signed_in("alice"), signed_in("alice", "curl/8")
    shown = here.get(ACCOUNT).content.decode()
    assert "Firefox on Linux" in shown
    assert "curl" in shown
    assert shown.count("this browser") == 1


def test_signing_out_elsewhere_ends_the_other_sessions(alice: User, bob: User) -> None:
    here, there, bobs = signed_in("alice"), signed_in("alice"), signed_in("bob")
    here.post(f"{ACCOUNT}sessions/end/")
    assert [client.get(ACCOUNT).status_code for client in (here, there, bobs)] == [200, 302, 200]


def test_a_session_from_before_they_were_listed_is_listed_and_ended(alice: User) -> None:
    here, there = signed_in("alice"), signed_in("alice")
    SignIn.objects.all().delete()
    here.get(ACCOUNT)
    assert SignIn.objects.filter(user=alice).count() == 1
    here.post(f"{ACCOUNT}sessions/end/")
    assert there.get(ACCOUNT).status_code == 302


def test_one_session_is_ended(alice: User) -> None:
    here, there = signed_in("alice"), signed_in("alice", "curl/8")
    here.post(f"{ACCOUNT}sessions/{SignIn.objects.get(agent='curl/8').pk}/end/")
    assert [client.get(ACCOUNT).status_code for client in (here, there)] == [200, 302]


def test_nobody_ends_another_ones_session(alice: User, bob: User) -> None:
    here, there = signed_in("alice"), signed_in("bob", "curl/8")
    other = SignIn.objects.get(agent="curl/8").pk
    assert here.post(f"{ACCOUNT}sessions/{other}/end/").status_code == 404
    assert there.get(ACCOUNT).status_code == 200


def test_a_logout_is_listed_no_more(alice: User) -> None:
    client = signed_in("alice")
    client.post("/accounts/logout/")
    assert not SignIn.objects.exists()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["signed out", "signed in"]


def test_a_changed_password_ends_the_other_sessions(alice: User) -> None:
    here, there = signed_in("alice"), signed_in("alice")
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/accounts/password/", form)["Location"] == ACCOUNT
    assert [client.get(ACCOUNT).status_code for client in (here, there)] == [200, 302]
    assert here.get(ACCOUNT).content.decode().count("this browser") == 1
    assert log_in(Client(), "alice", NEW) == 302


def test_a_forgotten_password_is_replaced_by_mail(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_views, "Thread", NowThread)
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    old, client = signed_in("alice"), Client()
    client.post("/accounts/password/forgotten/", {"email": "alice@example.org"})
    (letter,) = mail.outbox
    link = re.search(r"http://testserver(/\S+)", str(letter.body))
    assert link is not None
    form = client.get(link[1], follow=True)
    client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert (old.get(ACCOUNT).status_code, log_in(client, "alice", NEW)) == (302, 302)
    assert "This link is over" in Client().get(link[1], follow=True).content.decode()


def test_nobody_learns_who_has_an_address(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_views, "Thread", NowThread)
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    known, unknown = (
        Client().post("/accounts/password/forgotten/", {"email": f"{name}@example.org"}) for name in ("alice", "eve")
    )
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_letters_are_not_asked_for_without_end(db: None) -> None:
    client = Client()
    answers = [client.post("/accounts/password/forgotten/", {"email": "eve@example.org"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert int(answers[-1]["Retry-After"]) <= 61


def test_guessing_a_password_is_stopped_also_when_it_is_right_at_last(alice: User) -> None:
    client = Client()
    answers = [log_in(client, "alice", "wrong") for _ in range(10)]
    assert answers == [200] * 9 + [429]
    assert log_in(client, "alice") == 429


def test_a_stranger_locks_nobody_out_from_everywhere(alice: User) -> None:
    for _ in range(12):
        log_in(Client(), "alice", "wrong", REMOTE_ADDR="192.0.2.1")
    assert log_in(Client(), "alice", REMOTE_ADDR="192.0.2.1") == 429
    assert log_in(Client(), "alice", REMOTE_ADDR="192.0.2.2") == 302


def test_the_administration_is_guarded_the_same_way(admin: User) -> None:
    form = {"username": "admin", "password": "wrong"}
    answers = [Client().post("/admin/login/", form).status_code for _ in range(11)]
    assert answers[0] == 200
    assert answers[-1] == 429


def test_a_right_password_forgets_the_wrong_ones(alice: User) -> None:
    client = Client()
    for _ in range(2):
        assert [log_in(client, "alice", "wrong") for _ in range(9)] == [200] * 9
        assert log_in(client, "alice") == 302


def test_one_address_does_not_try_everybody(db: None) -> None:
    client = Client()
    answers = [log_in(client, f"user{number}", "password") for number in range(101)]
    assert answers == [200] * 100 + [429]
