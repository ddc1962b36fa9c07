"""What kinds of credential there are and which fields each has; plain data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a credential holds."""

    name: str
    title: str
    description: str = ""
    #: Encrypted, and shown to nobody again.
    is_secret: bool = False
    is_required: bool = True
    #: Says where the secrets go: who may only change the credential cannot send them elsewhere.
    is_destination: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of credential."""

    id: str
    title: str
    description: str
    fields: tuple[Field, ...]
    #: It is sent with HTTP requests, to the hosts that it names.
    has_hosts: bool = True
    #: Besides its fields it holds secrets of any name.
    is_open: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the fields that are encrypted."""
        return tuple(field.name for field in self.fields if field.is_secret)

    def is_secret(self, name: str) -> bool:
        """Whether what is stored under this name is encrypted."""
        return name in self.secrets or (self.is_open and name not in {field.name for field in self.fields})


API_KEY = Kind(
    "api_key",
    "API key",
    "A key that is sent in a header of each request.",
    (
        Field("key", "Key", is_secret=True),
        Field("header", "Header", "“Authorization” sends “Bearer” and the key.", default="Authorization"),
        Field(
            "base_url",
            "Address of the API",
            "For services with servers of their own, as https://llm.example.com/v1.",
            is_required=False,
            is_destination=True,
        ),
    ),
)
BASIC = Kind(
    "basic",
    "User and password",
    "HTTP basic authentication.",
    (Field("user", "User"), Field("password", "Password", is_secret=True)),
)
BEARER = Kind(
    "bearer",
    "Bearer token",
    "A token that is sent as “Authorization: Bearer …”.",
    (Field("token", "Token", is_secret=True),),
)
HEADERS = Kind(
    "headers",
    "Headers",
    "Headers of any name that are sent with each request.",
    (),
    is_open=True,
)
OAUTH2 = Kind(
    "oauth2",
    "OAuth 2",
    "Access that a person grants at the provider (authorisation code with PKCE); it is renewed by itself.",
    (
        Field("authorize_url", "Authorisation address", "Where people are sent to agree.", is_destination=True),
        Field("token_url", "Token address", "Where codes become tokens.", is_destination=True),
        Field("client_id", "Client id", "From the provider, for an application with this redirect address."),
        Field("client_secret", "Client secret", "Empty for a public client.", is_secret=True, is_required=False),
        Field("scopes", "Scopes", "Separated by spaces.", is_required=False),
        Field(
            "client_authentication",
            "Client secret is sent",
            "In the header (basic), or in the body of the request.",
            default="basic",
            choices=("basic", "body"),
        ),
    ),
)
SQL = Kind(
    "sql",
    "Database",
    "The address of a database, with user and password.",
    (Field("url", "Address", "As postgresql://user:password@host:5432/name.", is_secret=True),),
    has_hosts=False,
)
SMTP = Kind(
    "smtp",
    "Mail server",
    "A server that sends mail (SMTP).",
    (
        Field("host", "Host", is_destination=True),
        Field("port", "Port", default="587", is_destination=True),
        Field(
            "security",
            "Encryption",
            "STARTTLS (mostly port 587), TLS from the start (port 465), or none.",
            default="starttls",
            choices=("starttls", "tls", "none"),
            is_destination=True,
        ),
        Field("user", "User", is_required=False),
        Field("password", "Password", is_secret=True, is_required=False),
    ),
    has_hosts=False,
)

KINDS: Mapping[str, Kind] = {kind.id: kind for kind in (API_KEY, BASIC, BEARER, HEADERS, OAUTH2, SQL, SMTP)}

KIND_IDS = list(KINDS)


def title_of(kind: str) -> str:
    """What people read for a kind."""
    return KINDS[kind].title if kind in KINDS else kind
