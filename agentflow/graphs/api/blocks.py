"""The catalogue of blocks."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentflow.api.schema import problems
from agentflow.graphs.api.serializers import BlockSerializer, CatalogueSerializer, PortsRequest, ResolvedPortsSerializer
from agentflow.graphs.detail import node_ports, ports_row
from agentflow.graphs.reading import Problems, Reader
from agentflow.graphs.spec import MAX_CONFIG_BYTES, NodeSpec, SpecError
from blocks.base import Block
from blocks.registry import describe, registry

#: A block's catalogue JSON follows from its class alone. Cast: mypy takes no class with a `__hash__` for hashable.
described = cast(Callable[[type[Block]], dict[str, Any]], cache(describe))


class BlockList(APIView):
    """All blocks."""

    @extend_schema(operation_id="blocks_list", responses=CatalogueSerializer)
    def get(self, request: Request) -> Response:
        """Every block, in palette order."""
        known = registry()
        disabled = [{"source": source, "reason": reason} for source, reason in known.disabled.items()]
        rows = [described(block) for block in known.all()]
        return Response({"results": rows, "categories": known.categories(), "disabled": disabled})


class BlockDetail(APIView):
    """One block."""

    @extend_schema(operation_id="blocks_retrieve", responses=BlockSerializer)
    def get(self, request: Request, block_id: str) -> Response:
        """The block with this id."""
        return Response(described(_block(block_id)))


class BlockPorts(APIView):
    """Ports of a block whose ports depend on its config."""

    token_scopes = {"POST": "read"}

    @extend_schema(
        operation_id="blocks_ports", request=PortsRequest, responses={200: ResolvedPortsSerializer, **problems(422)}
    )
    def post(self, request: Request, block_id: str) -> Response:
        """The ports that a node with this config would have."""
        found = Problems()
        block = _block(block_id)
        config = Reader(request.data, "#", found).json_object("config", largest_bytes=MAX_CONFIG_BYTES)
        if found:
            raise SpecError(found.found)
        user = cast(User, request.user)
        ports = node_ports(NodeSpec(key="node", block=block.id, config=config, block_version=block.version), user)
        return Response({**ports_row(ports), "problem": ports.problem})


def _block(block_id: str) -> type[Block]:
    block = registry().find(block_id)
    if block is None:
        raise NotFound(f"There is no block “{block_id}”.")
    return block
