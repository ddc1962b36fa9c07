"""Language models: any server that speaks OpenAI's protocol, hosted or local, and Anthropic."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from blocks.answers import check_schema, read_answer
from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Credential, Example, Outputs
from blocks.costs import USD, Cost
from blocks.forms import CODE, SETTING, TEXTAREA
from blocks.models import Ask, Message, Place, Reply, place_of
from blocks.offload import offload
from blocks.values import Integer, Number

Provider = Literal["openai", "anthropic"]
ROLES = ("system", "user", "assistant")
#: Longest time without a byte.
SILENCE_SECONDS = 120.0

PROVIDER = "openai: OpenAI and every server that speaks its protocol, hosted or local."
BASE_URL = "Where the server is, as http://127.0.0.1:11434/v1; empty: where the credential or the provider says."
CREDENTIAL = "Sent to the hosts that it names, and to no other; none for a local server that needs none."


class ModelInput(BlockInput):
    """What all blocks that ask a model need to know."""

    credential: Credential["api_key", "bearer", "headers"] | None = Field(
        None, description=CREDENTIAL, json_schema_extra=SETTING
    )
    provider: Provider = Field("openai", description=PROVIDER, json_schema_extra=SETTING)
    base_url: str = Field("", title="Address of the API", description=BASE_URL, json_schema_extra=SETTING)
    model: str = Field(min_length=1, description="Its name, as the server knows it.", json_schema_extra=SETTING)
    timeout_seconds: Number = Field(
        300,
        gt=0,
        le=3_600,
        title="Timeout (seconds)",
        description="For the whole answer.",
        json_schema_extra={**SETTING, "exclusiveMinimum": 0, "maximum": 3_600},
    )


class Chat(Block):
    """Ask a language model; its answer is shown as it comes.

    With a schema the answer is JSON that fits it, at the port data. A server that has too much to do, or breaks off, is
    asked again as often as the node's retries say, and not before the time that it names.
    """

    id = "ai.chat"
    title = "Chat"
    category = "AI"
    icon = "message-square"
    costs: ClassVar[list[Cost]] = [Cost(USD, 1)]

    class Input(ModelInput):
        prompt: str = Field(
            "", description="What to ask, after the messages if there are any.", json_schema_extra=TEXTAREA
        )
        system: str = Field("", description="How the model shall behave.", json_schema_extra=TEXTAREA)
        messages: list[dict[str, Any]] = Field(
            default_factory=list,
            description="A conversation so far: [{role: user or assistant, content: text}].",
            json_schema_extra=CODE,
        )
        temperature: Number | None = Field(
            None, ge=0, le=2, description="0: always the likeliest word.", json_schema_extra=SETTING
        )
        max_tokens: Integer | None = Field(
            None, ge=1, title="Most tokens", description="Of the answer.", json_schema_extra=SETTING
        )
        answer_schema: dict[str, Any] | None = Field(
            None, title="Schema of the answer", description="JSON Schema.", json_schema_extra=SETTING
        )

    class Output(BlockOutput):
        text: str
        data: Any
        messages: list[dict[str, Any]]
        finish: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        messages = conversation(input.messages, input.prompt)
        ask = Ask(input.model, messages, input.system, input.temperature, input.max_tokens, input.answer_schema)
        reply = await asked(ask, input, context)
        yield "text", reply.text
        if input.answer_schema is not None:
            yield "data", await answer_of(reply, input.answer_schema)
        yield "messages", [*messages, {"role": "assistant", "content": reply.text}]
        yield "finish", reply.finish

    examples: ClassVar[list[Example]] = [
        Example(
            {"base_url": "https://llm.example.com/v1", "model": "echo", "prompt": "Hello"},
            {
                "text": "You said: Hello",
                "messages": [
                    {"role": "user", "content": "Hello"},
                    {"role": "assistant", "content": "You said: Hello"},
                ],
                "finish": "stop",
            },
            title="A server that needs no key",
        ),
        Example({"model": "gpt-5-mini", "prompt": "Hello"}, error="Choose a credential"),
        Example({"base_url": "https://llm.example.com/v1", "model": "echo"}, error="Give a prompt"),
    ]


async def asked(ask: Ask, given: ModelInput, context: BlockContext) -> Reply:
    """The model's whole reply; what it used is counted also when it breaks off.

    Raises:
        BlockError: it cannot be asked, refuses, takes too long or breaks off.
    """
    if ask.schema is not None:
        await offload(check_schema, ask.schema)
    place = await placed(given, context)
    speak = await offload(_anthropic if given.provider == "anthropic" else _openai)
    reply = Reply()
    try:
        async with asyncio.timeout(given.timeout_seconds):
            await speak(ask, place, context.http, reply, lambda text: context.stream("text", text))
    except TimeoutError:
        words = f"{place.name} did not finish its answer within {given.timeout_seconds:g} seconds."
        raise BlockError(words) from None
    finally:
        count(reply, given, context)
    return reply


async def placed(given: ModelInput, context: BlockContext) -> Place:
    """Where the model is and who asks."""
    return await place_of(
        context,
        provider=given.provider,
        credential=given.credential,
        base_url=given.base_url,
        silence_seconds=min(SILENCE_SECONDS, given.timeout_seconds),
    )


def count(reply: Reply, given: ModelInput, context: BlockContext) -> None:
    """Say what was used, as far as the server has said."""
    tokens = reply.input_tokens + reply.output_tokens
    if not tokens:
        return
    context.usage(
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        tokens=tokens,
        model=reply.model or given.model,
        provider=given.provider,
    )


async def answer_of(reply: Reply, schema: Mapping[str, Any]) -> Any:
    """The JSON that the model was asked for.

    Raises:
        BlockError: it refused, its answer was cut off, or it does not fit.
    """
    if reply.finish == "refusal":
        raise BlockError(f"The model refused: {reply.text[:500]}", retry=False)
    if reply.finish == "length":
        raise BlockError("The model's answer was cut off at its limit of tokens; allow more.", retry=False)
    return await offload(read_answer, reply.text, schema)


def conversation(messages: list[dict[str, Any]], prompt: str) -> list[Message]:
    """The messages and the prompt after them.

    Raises:
        BlockError: there is nothing to ask, or a message is none.
    """
    for number, message in enumerate(messages, start=1):
        if message.get("role") not in ROLES or not isinstance(message.get("content"), str | list):
            words = f"Message {number} must have a role ({', '.join(ROLES)}) and a content."
            raise BlockError(words, retry=False)
    asked = [*messages, *([{"role": "user", "content": prompt}] if prompt else [])]
    if not asked:
        raise BlockError("Give a prompt or messages.", retry=False)
    return asked


def _openai() -> Any:
    from blocks import openai_models

    return openai_models.chat


def _anthropic() -> Any:
    from blocks import anthropic_models

    return anthropic_models.chat
