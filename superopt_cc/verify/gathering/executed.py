"""What inputs execute of gcc's code, together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from superopt_cc.verify.running.probe import Probed
from superopt_cc.verify.running.trace import Edge, Flow


def excluded(flow: Flow, outside: Sequence[Probed], inside: Sequence[Probed]) -> Flow:
    """The flow without what only inputs outside the author's promises execute."""
    edges, addresses = flow.edges, flow.addresses
    if outside:
        edges -= edges_of(outside) - edges_of(inside)
        addresses -= addresses_of(outside) - addresses_of(inside)
    return dataclasses.replace(flow, edges=edges, addresses=addresses)


def edges_of(probes: Iterable[Probed]) -> frozenset[Edge]:
    return frozenset[Edge]().union(*(p.edges for p in probes))


def addresses_of(probes: Iterable[Probed]) -> frozenset[int]:
    return frozenset[int]().union(*(p.reached for p in probes))
