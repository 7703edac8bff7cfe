"""The tables of docs/scaling.md: workers on one machine, and what the model says of networks."""

from __future__ import annotations

import statistics

from d2l_repro.language import tr
from d2l_repro.results import scaling, workers_model
from d2l_repro.results.formatting import format_duration

from .common import rows_table
from .performance import measured_line

NETWORKS = (workers_model.Network(), workers_model.Network(bandwidth=1e11, latency=5e-6))


def shared() -> str:
    """Return what was measured of workers on one machine, beside the model."""
    record = scaling.committed()
    rows = scaling.training_rows(record)
    alone, job = (statistics.median(record.launches[number]) for number in "02")
    exchange = record.exchange()
    return "\n\n".join(
        [
            measured_line(record.machine, [record.finished]),
            rows_table(rows),
            tr(
                "Starting and ending take {alone} alone and {job} in a job of two workers. Fitted to "
                "exchanges of arrays of six sizes: wait = {wait} µs, message = {each} µs, "
                "byte = {byte} ns.",
                alone=format_duration(alone),
                job=format_duration(job),
                wait=f"{exchange.wait * 1e6:.0f}",
                each=f"{exchange.message * 1e6:.0f}",
                byte=f"{exchange.byte * 1e9:.2f}",
            ),
        ]
    )


def workers() -> str:
    """Return what the model says of all chapters' nets on some networks."""
    found = []
    for network in NETWORKS:
        title = tr(
            "{bandwidth} Gbit/s, {latency} µs:",
            bandwidth=f"{network.bandwidth / 1e9:g}",
            latency=f"{network.latency * 1e6:g}",
        )
        found += [title, rows_table(workers_model.net_rows(models_on(network)))]
    return "\n\n".join(found)


def models_on(network: workers_model.Network) -> list[workers_model.Model]:
    """Return the models of all chapters' nets on a network."""
    record = scaling.committed()
    return [workers_model.Model(net, record.exchange(), network) for net in record.nets().values()]


BLOCKS = {"shared": shared, "workers": workers}
