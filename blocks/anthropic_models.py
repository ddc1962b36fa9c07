"""Models of Anthropic by its official client. Imported when first needed: it is large."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
from anthropic import AsyncAnthropic

from blocks.base import BlockError
from blocks.carrier import carried
from blocks.context import HttpClient
from blocks.models import Ask, Place, Reply, not_understood, status_error, stream_error, wrapped

_NO_KEY = "none"
#: This protocol wants a limit in any case.
MAX_TOKENS = 4_096
#: The tool by which the model gives JSON.
TOOL = "answer"
#: Its words for how an answer ended, in those of the other protocol.
_FINISHES = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "stop"}


async def chat(ask: Ask, place: Place, http: HttpClient, reply: Reply, said: Callable[[str], None]) -> None:
    """Fill the reply as it comes; `said` hears each part of the text.

    Raises:
        BlockError: the server refuses, breaks off or is not understood.
    """
    async with _calling(place, http) as client:
        stream = await client.messages.create(**_wanted(ask))
        is_over = False
        async with stream:
            async for event in stream:
                is_over = _take(event, reply, said) or is_over
    if not is_over:
        raise stream_error(place, "it ended too soon")


@asynccontextmanager
async def _calling(place: Place, http: HttpClient) -> AsyncIterator[AsyncAnthropic]:
    """A client for one call; what it raises becomes a BlockError."""
    inner = carried(http, place)
    address = place.base_url.removesuffix("/v1")
    try:
        async with AsyncAnthropic(api_key=_NO_KEY, base_url=address, http_client=inner, max_retries=0) as client:
            yield client
    except BlockError:
        raise
    except anthropic.APIStatusError as error:
        raise status_error(place, error.status_code, error.response.headers, error.body) from None
    except anthropic.APIResponseValidationError:
        raise not_understood(place) from None
    except anthropic.APIError as error:
        raise wrapped(error) or stream_error(place, error.body) from None
    except (ValueError, AttributeError, TypeError):  # no JSON, or of another shape
        raise not_understood(place) from None


def _wanted(ask: Ask) -> dict[str, Any]:
    system = [ask.system, *(_words(each) for each in ask.messages if each["role"] == "system")]
    messages = [each for each in ask.messages if each["role"] != "system"]
    wanted: dict[str, Any] = {"model": ask.model, "messages": messages, "stream": True}
    wanted["max_tokens"] = ask.max_tokens or MAX_TOKENS
    if any(system):
        wanted["system"] = "\n\n".join(filter(None, system))
    if ask.temperature is not None:
        wanted["temperature"] = ask.temperature
    if ask.schema is not None:
        tool = {"name": TOOL, "description": "Give the answer.", "input_schema": dict(ask.schema)}
        wanted |= {"tools": [tool], "tool_choice": {"type": "tool", "name": TOOL}}
    return wanted


def _words(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else ""


def _take(event: Any, reply: Reply, said: Callable[[str], None]) -> bool:
    """One event; whether it is the last."""
    match event.type:
        case "message_start":
            reply.model = event.message.model or reply.model
            reply.input_tokens = event.message.usage.input_tokens or 0
            reply.output_tokens = event.message.usage.output_tokens or 0
        case "content_block_delta" if event.delta.type in ("text_delta", "input_json_delta"):
            text = event.delta.text if event.delta.type == "text_delta" else event.delta.partial_json
            if text:
                reply.parts.append(text)
                said(text)
        case "message_delta":
            reason = event.delta.stop_reason or ""
            reply.finish = _FINISHES.get(reason, reason) or reply.finish
            reply.output_tokens = event.usage.output_tokens or reply.output_tokens
        case "message_stop":
            return True
    return False
