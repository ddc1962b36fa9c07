"""Models of OpenAI and of every server that speaks its protocol, by the official client. Imported when first needed: it is large."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai
from openai import AsyncOpenAI

from blocks.base import BlockError
from blocks.carrier import carried
from blocks.context import HttpClient
from blocks.models import Ask, Place, Reply, not_understood, status_error, stream_error, wrapped

#: The client asks for a key; what proves who asks is added where requests are carried.
_NO_KEY = "none"


async def chat(ask: Ask, place: Place, http: HttpClient, reply: Reply, said: Callable[[str], None]) -> None:
    """Fill the reply as it comes; `said` hears each part of the text.

    Raises:
        BlockError: the server refuses, breaks off or is not understood.
    """
    async with _calling(place, http) as client:
        stream = await client.chat.completions.create(**_wanted(ask, place))
        async with stream:
            async for chunk in stream:
                _take(chunk, reply, said)
    if not reply.finish:
        raise stream_error(place, "it ended too soon")


@asynccontextmanager
async def _calling(place: Place, http: HttpClient) -> AsyncIterator[AsyncOpenAI]:
    """A client for one call; what it raises becomes a BlockError."""
    inner = carried(http, place)
    try:
        async with AsyncOpenAI(api_key=_NO_KEY, base_url=place.base_url, http_client=inner, max_retries=0) as client:
            yield client
    except BlockError:
        raise
    except openai.APIStatusError as error:
        raise status_error(place, error.status_code, error.response.headers, error.body) from None
    except openai.APIResponseValidationError:
        raise not_understood(place) from None
    except openai.APIError as error:
        raise wrapped(error) or stream_error(place, error.body) from None
    except (ValueError, AttributeError, TypeError):  # no JSON, or of another shape
        raise not_understood(place) from None


def _wanted(ask: Ask, place: Place) -> dict[str, Any]:
    system = [{"role": "system", "content": ask.system}] if ask.system else []
    wanted: dict[str, Any] = {"model": ask.model, "messages": [*system, *ask.messages], "stream": True}
    wanted["stream_options"] = {"include_usage": True}
    if ask.temperature is not None:
        wanted["temperature"] = ask.temperature
    if ask.max_tokens is not None:
        is_own = place.name == "api.openai.com"  # other servers mostly know the older name only
        wanted["max_completion_tokens" if is_own else "max_tokens"] = ask.max_tokens
    if ask.schema is not None:
        shape = {"name": "answer", "schema": dict(ask.schema)}
        wanted["response_format"] = {"type": "json_schema", "json_schema": shape}
    return wanted


def _take(chunk: Any, reply: Reply, said: Callable[[str], None]) -> None:
    """One event; servers leave out what they like."""
    reply.model = _text(getattr(chunk, "model", "")) or reply.model
    if (usage := getattr(chunk, "usage", None)) is not None:
        reply.input_tokens = _count(usage, "prompt_tokens")
        reply.output_tokens = _count(usage, "completion_tokens")
    for choice in (getattr(chunk, "choices", None) or ())[:1]:
        delta = getattr(choice, "delta", None)
        text = _text(getattr(delta, "content", "")) or _text(getattr(delta, "refusal", ""))
        if text:
            reply.parts.append(text)
            said(text)
        if getattr(delta, "refusal", None):
            reply.finish = "refusal"
        reply.finish = reply.finish or _text(getattr(choice, "finish_reason", ""))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(usage: object, name: str) -> int:
    found = getattr(usage, name, 0)
    return found if isinstance(found, int) and found > 0 else 0
