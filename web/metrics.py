"""The numbers of this installation in the words of Prometheus: one reading, told once (``docs/metrics.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from web.reading import Reading, RelayReading

_COUNTERS: tuple[tuple[str, str, str], ...] = (
    ("cpu_seconds", "cpu_seconds", "CPU time used by all threads of the relay."),
    ("packets_received", "packets_received", "Datagrams taken from the network, of every kind."),
    ("bytes_received", "octets_received", "Bytes of these datagrams, without the headers of UDP and IP."),
    ("packets_sent", "packets_sent", "Packets given to the network; most that it had no room for are among them."),
    ("bytes_sent", "octets_sent", "Bytes of these packets, without the headers of UDP and IP."),
    ("messages_sent", "messages_sent", "Messages in which media packets left; segmentation puts several into one."),
    ("receive_drops", "receive_drops", "Datagrams dropped by the kernel because the relay did not take them in time."),
    ("send_drops", "send_drops", "Packets for which the kernel or a TCP connection had no room."),
    ("packets_unsealed", "unsealed", "Packets that could not be encrypted and were not sent."),
    ("packets_from_strangers", "strangers", "Datagrams from addresses that proved nothing."),
    ("packets_malformed", "garbage", "Datagrams that are no STUN, DTLS, SRTP or SRTCP."),
    ("ice_checks", "checks", "Connectivity checks that proved their password."),
    ("ice_checks_refused", "checks_refused", "Connectivity checks that proved nothing."),
    ("tcp_refused", "tcp_refused", "TCP connections closed before they proved anything."),
)
_GAUGES: tuple[tuple[str, str, str], ...] = (
    ("start_time_seconds", "started", "When the relay started, in seconds of the Unix clock."),
    ("memory_bytes", "memory", "Resident memory of the relay."),
    ("segmentation_enabled", "segments", "1 where one system call sends many packets (UDP GSO)."),
    ("meetings", "routers", "Meetings of which the relay carries media."),
    ("endpoints", "endpoints", "Browsers and encoders that the relay carries."),
    ("producers", "producers", "Cameras, microphones and screens from which packets come."),
    ("recorded_producers", "records", "Producers that are sent to the recorder."),
    ("silent_transports", "silent", "Transports that have not been heard of for ten seconds."),
    ("short_receivers", "short", "Receivers of whom a picture is held back because it does not fit into their path."),
)


def text(reading: Reading, accept: str) -> tuple[bytes, str]:
    """The reading as text, and its content type: OpenMetrics for who accepts it. Reads ``/proc``: call it in a
    thread."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Told(reading))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Told(Collector):
    """Tells one reading, each time the same."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        yield from _relays(self._reading.relays)
        yield from _house(self._reading)


def _relays(relays: Sequence[RelayReading]) -> Iterator[Metric]:
    up = GaugeMetricFamily("nghisu_relay_up", "1 when a connected relay answers.", labels=["relay"])
    load = GaugeMetricFamily("nghisu_relay_load_ratio", "Share of one core in the last two seconds.", labels=["relay"])
    for each in relays:
        up.add_metric([each.relay], each.metrics is not None)
        load.add_metric([each.relay], each.load)
    yield from (up, load)
    here = [(each.relay, each.metrics) for each in relays if each.metrics is not None]
    for kind, table in ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)):
        for name, attribute, meaning in table:
            family = kind(f"nghisu_relay_{name}", meaning, labels=["relay"])
            for relay, metrics in here:
                family.add_metric([relay], float(getattr(metrics, attribute)))
            yield family
    paths = GaugeMetricFamily("nghisu_relay_transports", "Connected transports by path.", labels=["relay", "path"])
    for relay, metrics in here:
        paths.add_metric([relay, "udp"], metrics.udp)
        paths.add_metric([relay, "tcp"], metrics.tcp)
    yield paths


def _house(reading: Reading) -> Iterator[Metric]:
    meanings = {
        "meetings": "Meetings that are open now.",
        "seats": "Sites seated in them.",
        "sockets": "Browsers connected to meetings.",
        "recordings": "Meetings that are being recorded.",
    }
    yield GaugeMetricFamily("nghisu_relays", "Relays connected to the server.", value=len(reading.relays))
    for name, meaning in meanings.items():
        yield GaugeMetricFamily(f"nghisu_{name}", meaning, value=reading.rooms.get(name, 0))
    yield GaugeMetricFamily("nghisu_recorder_up", "1 while a recorder is connected.", value=reading.recorder)
    jobs = GaugeMetricFamily("nghisu_jobs", "Durable jobs that wait, run or have failed.", labels=["state"])
    for state, count in reading.jobs.items():
        jobs.add_metric([state], count)
    yield jobs
