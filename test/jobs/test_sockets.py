"""The dispatcher's sockets in a folder whose path is longer than a socket's address may be."""

import subprocess
import sys
import tempfile
from pathlib import Path

import zmq

from jobs.processes.sockets import address

ROOT = Path(__file__).parents[2]
CLIENT = """
import sys
from pathlib import Path
import zmq
from jobs.processes.sockets import address
with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
    socket.connect(address(Path(sys.argv[1]), "clients"))
    socket.send(b"here")
    print(socket.recv().decode())
"""


def test_processes_meet_in_the_folder_however_long_its_path_is(tmp_path):
    folder = tmp_path / ("deep" * 40) / ("deeper" * 30)
    folder.mkdir(parents=True)
    beside = set(Path(tempfile.gettempdir()).iterdir())
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        assert len(address(folder, "clients")) < 100
        socket.bind(address(folder, "clients"))
        assert (folder / "clients.sock").is_socket()
        with subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as client:
            who, _ = socket.recv_multipart()
            socket.send_multipart([who, b"met"])
            assert client.communicate()[0].strip() == "met"
    assert not any("facial" in path.name for path in set(Path(tempfile.gettempdir()).iterdir()) - beside)


def test_a_short_path_is_what_it_is(tmp_path):
    assert address(Path("/srv/facial"), "workers") == "ipc:///srv/facial/workers.sock"
    assert address(tmp_path, "clients") != address(tmp_path, "workers")
