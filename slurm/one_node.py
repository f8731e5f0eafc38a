"""A private SLURM of one node on this machine, for trying things out: no root, no system service.

    python -m slurm.one_node -- bench submit --methods gldi --cluster slurm --wait

The daemons belong to the one who starts them, listen on the loopback address only, keep everything
in a temporary folder and end with the command. Needs the programs of SLURM (Debian: slurm-wlm) and,
so that nobody else on this machine can submit, munge.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil

from bench.common.terminal import fail_in_one_line
from slurm.clusters.programs import without_job

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"
PATIENCE = 30.0  # seconds until a daemon must answer
NODE = "lab0"
CONFIGURATION = Path(__file__).with_suffix(".conf")
NO_MUNGE = "AuthType=auth/none\nCredType=cred/none"  # whoever is on this machine may submit


def missing_programs() -> list[str]:
    """List the programs of SLURM that are not installed here."""
    path = f"{os.environ['PATH']}:{SYSTEM}"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


@contextmanager
def one_node_slurm(
    folder: Path,
    cpus: int | None = None,
    environment: Mapping[str, str] | None = None,
    first_job: int | None = None,
) -> Iterator[dict[str, str]]:
    """Start a SLURM of one node in a folder; yields the environment of its clients.

    ``cpus`` may be more than there are. Jobs are numbered from ``first_job``, by default from the
    clock, so that numbers of two such clusters differ. Raises ValueError where it is not installed
    or does not start, with the end of what the daemons said.
    """
    if missing := missing_programs():
        raise ValueError(f"SLURM is not installed here: {', '.join(missing)} (Debian: slurm-wlm)")
    client = without_job(environment or os.environ)
    client |= {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{client.get('PATH', '')}:{SYSTEM}",
    }
    with ExitStack() as stack:
        # paths of sockets must be short: a sockaddr has room for 107 characters
        run = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        munge = NO_MUNGE
        if shutil.which("munged", path=client["PATH"]):
            munge = _start_munge(stack, run, client)
        (folder / "state").mkdir(parents=True, exist_ok=True)
        first = first_job or int(time.time()) % 60_000_000 + 1
        conf = _configuration(folder, run, cpus or os.cpu_count() or 1, munge, first)
        (folder / "slurm.conf").write_text(conf, encoding="utf-8")
        for name, more in (("slurmctld", ()), ("slurmd", ("-N", NODE))):
            command = [name, "-D", "-f", str(folder / "slurm.conf"), *more]
            _start(stack, command, folder / f"{name}.out", client)
        stack.callback(_end_jobs, client)  # before the daemons end
        _wait(lambda: _answers(client, "sinfo", "-h", "-o", "%t") in ("idle", "mix"), folder)
        yield client


def _configuration(folder: Path, run: Path, cpus: int, munge: str, first_job: int) -> str:
    memory = int(psutil.virtual_memory().total / 2**20 * 0.8)  # MiB
    return CONFIGURATION.read_text(encoding="utf-8").format(
        node=NODE,
        cpus=cpus,
        memory=memory,
        memory_per_cpu=memory // cpus,
        user=psutil.Process().username(),
        munge=munge,
        ports=_free_ports(2),
        folder=folder,
        run=run,
        first_job=first_job,
    )


def _start_munge(stack: ExitStack, run: Path, client: Mapping[str, str]) -> str:
    """Start munged with a key of its own; returns the lines of slurm.conf that name its socket."""
    key, sock = run / "key", run / "s"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    run.chmod(0o755)
    options = {"socket": sock, "key-file": key, "log-file": run / "log", "pid-file": run / "pid"}
    options["seed-file"] = run / "seed"
    command = ["munged", "--force", "--foreground", *(f"--{n}={p}" for n, p in options.items())]
    _start(stack, command, run / "munged.out", client)
    _wait(sock.exists, run)
    return f"AuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket={sock}"


def _start(
    stack: ExitStack, command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> None:
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for the command, which still needs its cluster
        )
    stack.callback(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_jobs(client: Mapping[str, str]) -> None:
    """No job outlives its cluster."""
    if _answers(client, "squeue", "-h") is None:
        return
    _answers(client, "scancel", f"--user={psutil.Process().username()}")
    end = time.monotonic() + 15
    while _answers(client, "squeue", "-h", "-t", "R,CG,S") and time.monotonic() < end:
        time.sleep(0.2)


def _answers(client: Mapping[str, str], *command: str) -> str | None:
    """Call a client of the cluster; returns its output, None where it fails."""
    program = shutil.which(command[0], path=client["PATH"])
    assert program is not None
    try:
        done = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, env=dict(client), timeout=10
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _wait(holds: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            said = [path.read_text(errors="replace")[-500:] for path in folder.glob("*.out")]
            raise ValueError(f"SLURM did not start within {PATIENCE:g} s: {' '.join(said)}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def main(arguments: Sequence[str]) -> int:
    """Run a command beside a cluster of its own; returns the command's exit code."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command or command[0].startswith("-"):
        raise ValueError("expected a command: python -m slurm.one_node -- bench submit ...")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        with one_node_slurm(Path(folder)) as environment:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    with fail_in_one_line():
        sys.exit(main(sys.argv[1:]))
