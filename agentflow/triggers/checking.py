"""Whether a trigger can be as a person wants it: every mistake at once, each with a JSON pointer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings

from agentflow.credentials.permissions import credentials_for
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.services import draft_spec
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.triggers.chains import SOURCES as CHAIN_SOURCES
from agentflow.triggers.clock import now
from agentflow.triggers.cron import CronError, following, read
from agentflow.triggers.mapping import MappingError, check_mapping
from agentflow.triggers.models import Chain, Form, Schedule, Trigger, Webhook
from agentflow.triggers.receiving import SOURCES as WEBHOOK_SOURCES
from agentflow.triggers.secrets import SecretMissing, secret_of
from agentflow.triggers.signatures import HEADER, Scheme, SchemeError
from executions.inputs import InputsRefused, input_nodes, resolve_inputs

LONGEST_ANSWER_SECONDS = 60
MOST_PER_MINUTE = 10_000
Problem = dict[str, str]


class TriggerRefused(Exception):
    """It cannot be like this; `problems` are `{pointer, detail}`."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(problem["detail"] for problem in problems))
        self.problems = problems


def check(trigger: Trigger) -> None:
    """Raise TriggerRefused if something is wrong with it."""
    nodes = asked(trigger.graph) if trigger.graph else ()
    problems = [*CHECKS[type(trigger)](trigger, nodes)]
    if problems:
        raise TriggerRefused(problems)


def asked(graph: Graph) -> tuple[NodeSpec, ...]:
    """The nodes that ask for inputs of the version that would run now."""
    spec = GraphSpec.from_json(graph.published.spec) if graph.published else draft_spec(graph)
    return input_nodes(spec)


def _problem(member: str, detail: str) -> Problem:
    return {"pointer": f"#/{member}", "detail": detail}


def _schedule(schedule: Schedule, nodes: tuple[NodeSpec, ...]) -> Iterator[Problem]:
    try:
        if not following(read(schedule.cron, schedule.time_zone), now(), 1):
            yield _problem("cron", "No time fits this expression.")
    except CronError as error:
        yield _problem(error.member, str(error))
    given = {**schedule.inputs, **({schedule.time_input: now().isoformat()} if schedule.time_input else {})}
    yield from _whole(nodes, given, {schedule.time_input: "time_input"} if schedule.time_input else {})


def _webhook(webhook: Webhook, nodes: tuple[NodeSpec, ...]) -> Iterator[Problem]:
    yield from _mapped(webhook.mapping, WEBHOOK_SOURCES, nodes)
    yield from _known(webhook.inputs, nodes)
    if webhook.signature:
        yield from _signature(webhook)
    elif webhook.credential_id:
        yield _problem("signature", "Say how deliveries are signed with this credential.")
    if webhook.delivery_header and not HEADER.fullmatch(webhook.delivery_header):
        yield _problem("delivery_header", "Is no name of a header.")
    if not 1 <= webhook.answer_seconds <= LONGEST_ANSWER_SECONDS:
        yield _problem("answer_seconds", f"Must be 1 to {LONGEST_ANSWER_SECONDS}.")
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if not 1 <= webhook.most_bytes <= most:
        yield _problem("most_bytes", f"Must be 1 to {most:,}.")


def _signature(webhook: Webhook) -> Iterator[Problem]:
    try:
        scheme = Scheme.from_json(webhook.signature)
    except SchemeError as error:
        yield _problem(f"signature/{error.member}", str(error))
        return
    if "{id}" in scheme.signed and not webhook.delivery_header:
        yield _problem("delivery_header", "The signature covers the delivery's id: name the header that carries it.")
    owner = webhook.owner
    if webhook.credential is None or owner is None:
        yield _problem("credential", "Choose the credential that holds the secret.")
    elif not credentials_for(owner, "runner").filter(pk=webhook.credential.pk).exists():
        yield _problem("credential", f"There is no such credential that {owner.get_username()} may use.")
    else:
        try:
            secret_of(webhook)
        except SecretMissing as error:
            yield _problem("credential", str(error))


def _form(form: Form, nodes: tuple[NodeSpec, ...]) -> Iterator[Problem]:
    yield from _known(form.inputs, nodes)
    if not 1 <= form.most_per_minute <= MOST_PER_MINUTE:
        yield _problem("most_per_minute", f"Must be 1 to {MOST_PER_MINUTE:,}.")


def _chain(chain: Chain, nodes: tuple[NodeSpec, ...]) -> Iterator[Problem]:
    yield from _mapped(chain.mapping, CHAIN_SOURCES, nodes)
    yield from _known(chain.inputs, nodes)
    if chain.source is None or chain.owner is None:
        yield _problem("source", "Choose the graph whose runs it follows.")
    elif not graphs_for(chain.owner).filter(pk=chain.source.pk).exists():
        yield _problem("source", f"There is no such graph that {chain.owner.get_username()} may see.")
    elif chain.source_id == chain.graph_id:
        yield _problem("source", "A graph that starts itself would never stop.")


CHECKS: Mapping[type[Trigger], Callable[[Any, tuple[NodeSpec, ...]], Iterator[Problem]]] = {
    Schedule: _schedule,
    Webhook: _webhook,
    Form: _form,
    Chain: _chain,
}


def _mapped(mapping: Mapping[str, Any], sources: Mapping[str, str], nodes: tuple[NodeSpec, ...]) -> Iterator[Problem]:
    try:
        check_mapping(mapping, sources)
    except MappingError as error:
        yield _problem(f"mapping/{error.member}" if error.member else "mapping", str(error))
    yield from _known(mapping, nodes, "mapping")


def _known(given: Mapping[str, Any], nodes: tuple[NodeSpec, ...], member: str = "inputs") -> Iterator[Problem]:
    """Names that are no inputs; what is missing may still come with the event."""
    names = {str(node.config.get("name", "")) for node in nodes}
    for name in given:
        if name not in names:
            yield _problem(f"{member}/{name}", f"The graph has no input “{name}”.")


def _whole(nodes: tuple[NodeSpec, ...], given: Mapping[str, Any], members: Mapping[str, str]) -> Iterator[Problem]:
    """Everything that would refuse a start with these inputs."""
    try:
        resolve_inputs(nodes, given)
    except InputsRefused as error:
        for problem in error.problems:
            name = problem["pointer"].removeprefix("#/inputs/")
            yield _problem(members[name], problem["detail"]) if name in members else problem
