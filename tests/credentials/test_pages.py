"""The pages of credentials."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agentflow.credentials import services
from agentflow.credentials.kinds import KINDS
from agentflow.credentials.models import Credential
from agentflow.graphs.models import Node
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def token(alice: User) -> Credential:
    fields = {"token": "s3cret-token"}
    return services.make_credential(owner=alice, kind="bearer", name="Service", fields=fields, hosts=["a.example.com"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_form(site: Client, kind: str):
    page = site.get(f"/credentials/new/{kind}/").content.decode()
    assert KINDS[kind].title in page


def test_credential_is_made_and_its_secret_never_shown(site: Client):
    form = {"name": "Service", "f-token": "s3cret-token", "hosts": "api.example.com\n*.example.org"}
    page = site.post("/credentials/new/bearer/", form, follow=True).content.decode()
    assert Credential.objects.get().hosts == ["api.example.com", "*.example.org"]
    assert "“Service” was made" in page
    assert "s3cret" not in page
    assert "s3cret" not in site.get("/credentials/").content.decode()


def test_mistake_is_shown_at_its_field_without_the_secret(site: Client):
    answer = site.post("/credentials/new/bearer/", {"name": "S", "f-token": "s3cret", "hosts": "no host!"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "“host!” is no host such as api.example.com" in page
    assert "s3cret" not in page


def test_headers_are_written_one_a_line(site: Client):
    form = {"name": "H", "headers": "X-A: one: two\nX-B: three", "hosts": "a.example.com"}
    site.post("/credentials/new/headers/", form)
    assert services.secrets_of(Credential.objects.get()) == {"X-A": "one: two", "X-B": "three"}


def test_saving_without_the_secret_keeps_it(site: Client, token: Credential):
    site.post(f"/credentials/{token.pk}/", {"name": "Renamed", "f-token": "", "hosts": "b.example.com"})
    token.refresh_from_db()
    assert (token.name, token.hosts) == ("Renamed", ["b.example.com"])
    assert services.secrets_of(token) == {"token": "s3cret-token"}


def test_page_says_where_it_is_used(site: Client, alice: User, token: Credential, bob: User):
    for owner, name in ((alice, "Mine"), (bob, "Theirs")):
        graph = factories.graph(owner, "a", name=name)
        Node.objects.filter(graph=graph).update(config={"credential": str(token.pk)})
    page = site.get(f"/credentials/{token.pk}/").content.decode()
    assert "Mine" in page
    assert "Theirs" not in page
    assert "1 graph that you do not see" in page
    assert "2 graphs will not start without it" in page


def test_shared_with_a_group_for_use(site: Client, alice: User, bob: User, token: Credential):
    group = Group.objects.create(name="Team")
    group.user_set.add(alice, bob)
    site.post(f"/credentials/{token.pk}/share/", {"group": group.pk, "role": "runner"})
    other = Client()
    other.force_login(bob)
    page = other.get(f"/credentials/{token.pk}/").content.decode()
    assert "Test" in page
    assert "Save" not in page
    assert other.post(f"/credentials/{token.pk}/", {"name": "x"}).status_code == 403
    site.post(f"/credentials/{token.pk}/share/", {"group": group.pk})
    assert other.get(f"/credentials/{token.pk}/").status_code == 404


def test_stranger_gets_404(client: Client, charlie: User, token: Credential):
    client.force_login(charlie)
    assert client.get(f"/credentials/{token.pk}/").status_code == 404
    for verb in ("test", "share", "give", "delete", "connect"):
        assert client.post(f"/credentials/{token.pk}/{verb}/").status_code == 404
    assert "Service" not in client.get("/credentials/").content.decode()


def test_deleted_by_its_owner(site: Client, token: Credential):
    site.post(f"/credentials/{token.pk}/delete/")
    assert not Credential.objects.exists()


def test_test_button_says_what_it_found(site: Client, token: Credential):
    page = site.get(f"/credentials/{token.pk}/").content.decode()
    assert f'action="/credentials/{token.pk}/test/"' in page
    Credential.objects.filter(pk=token.pk).update(hosts=["http://127.0.0.1:1"])
    answer = site.post(f"/credentials/{token.pk}/test/", follow=True)
    assert "private addresses" in answer.content.decode()
