"""Janus, the C gateway of the Debian package, as the measure beside ours: one streaming mountpoint, many viewers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

PROGRAM = Path("/usr/bin/janus")
PATIENCE = 20.0
MOUNTPOINT = 1
AUDIO_TYPE, VIDEO_TYPE = 111, 96
"""Payload types of what it is sent and sends on."""


def installed() -> bool:
    return PROGRAM.exists()


def _free_ports(*kinds: socket.SocketKind) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket(type=kind)) for kind in kinds]
        for made in taken:
            made.bind(("127.0.0.1", 0))
        return [made.getsockname()[1] for made in taken]


class Janus:
    """As the package configures it, but for ports, ICE-lite (as our relay) and silence on its output.

    ``audio`` and ``video`` are the RTP ports of the mountpoint, ``url`` its WebSocket.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nghisu-janus-"))
        port, self.audio, self.video = _free_ports(socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM)
        self.url = f"ws://127.0.0.1:{port}"
        self._configure(port)
        self._process = subprocess.Popen(
            [PROGRAM, "-F", self.folder, "-d", "3"],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "log").open("w"),
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            self._wait(port)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self, port: int) -> None:
        files = {
            "janus.jcfg": """
                general: { session_timeout = 0 }
                nat: { ice_lite = true }
                plugins: { disable = "libjanus_audiobridge.so,libjanus_echotest.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_nosip.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so,libjanus_duktape.so,libjanus_lua.so" }
                transports: { disable = "libjanus_http.so,libjanus_pfunix.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so" }
                """,  # noqa: E501
            "janus.transport.websockets.jcfg": f"""
                general: {{ ws = true, ws_ip = "127.0.0.1", ws_port = {port} }}
                """,
            "janus.plugin.streaming.jcfg": f"""
                stage: {{
                  type = "rtp", id = {MOUNTPOINT}, description = "stage"
                  audio = true, audioport = {self.audio}, audiopt = {AUDIO_TYPE}, audiocodec = "opus"
                  video = true, videoport = {self.video}, videopt = {VIDEO_TYPE}, videocodec = "vp8"
                }}
                """,
        }
        for name, text in files.items():
            (self.folder / name).write_text(text.replace(", ", "\n") if "disable" not in text else text)

    def _wait(self, port: int) -> None:
        """Until it takes connections. Raises ``TimeoutError`` with its output."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    return
            time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text())
