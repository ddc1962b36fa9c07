"""The product's settings with what tests change; the servers' addresses are put into the environment first."""

from tests import servers

servers.prepare_environment()

from agentflow.settings import *

#: Hashing a password slowly is no part of any test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
#: Threads that read the database leave no connection behind, so that the test database can be dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
#: Tests with real transactions empty every table when they end.
DATABASES["default"]["OPTIONS"]["options"] = "-c agentflow.audit_truncate=on"  # type: ignore[index]  # a dict of objects
