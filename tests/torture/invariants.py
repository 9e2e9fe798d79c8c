"""What has to be true after any fault: nothing of an instance is left but what it says is there.

Everything that a container can leave behind is compared with how it was before: mounts, links,
nftables tables, control groups, processes, loop devices, and the instance's own directories. Run
with mount, pid and network namespaces of its own, it sees nothing of what else the host does:
control groups are looked for below the instance's parent alone, loop devices by their file.
"""
import json
import os
import pathlib
import select
import subprocess
import time

CGROUP = pathlib.Path("/sys/fs/cgroup")
PATIENCE = 20  # seconds that any command may take after a fault, on a host that is busy


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def control_groups(parent):
    """Those below the group that is the parent of an instance's containers, and that one."""
    return {top for pattern in (parent, f"*/{parent}", f"*/*/{parent}")
            for group in CGROUP.glob(pattern) for top, _, _ in os.walk(group)}


def processes():
    """All of our pid namespace but ourselves, by the name of their program."""
    reap()
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            found[int(entry)] = pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
        except OSError:
            continue
    return found


def reap():
    """We are process 1 here: what loses its parent is ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        pass


def links():
    """Of our network namespace; a sysfs would show those of where it was mounted."""
    lines = pathlib.Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return {line.split(":")[0].strip() for line in lines}


def loops(directory):
    found = set()
    for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            text = file.read_text().strip()
        except OSError:  # it has gone meanwhile
            continue
        if text.startswith(f"{directory}/"):
            found.add(text)
    return found


def snapshot(parent, directory):
    mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "mounts": {line.split(" ", 5)[4] for line in mounts},
        "links": links(),
        "tables": set(output("nft", "list", "tables").splitlines()),
        "cgroups": control_groups(parent),
        "loops": loops(directory),
    }


class Broken(AssertionError):
    pass


class Instance:
    """A private redock, and the checks that it has to pass after each fault."""

    def __init__(self, program, directory):
        self.program = program
        self.dir = pathlib.Path(directory)
        self.root, self.run_root = self.dir / "lib", self.dir / "run"
        self.parent, self.patience = None, PATIENCE
        self.ours = set()  # processes that are to stay
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.dir),
            "REDOCK_ROOT": str(self.root),
            "REDOCK_RUN_ROOT": str(self.run_root),
            "LC_ALL": "C.UTF-8",
        }

    def start(self, *argv, faults=None, **options):
        return subprocess.Popen(
            [self.program, *argv],
            env={**self.environment, **(faults or {})},
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def call(self, *argv, faults=None, patience=None):
        """Runs it to its end; returns status, stdout and stderr. Too long is a failure."""
        patience = patience or self.patience
        process = self.start(*argv, faults=faults)
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Broken(f"redock {' '.join(argv)} took more than {patience} s") from None
        return process.returncode, out, err

    def must(self, *argv, **options):
        status, out, err = self.call(*argv, **options)
        if status:
            raise Broken(f"redock {' '.join(argv)} ended with {status}: {err.strip()}")
        return out

    def sound(self, *options):
        """All that is stored is there and whole, as redock itself sees it."""
        status, out, err = self.call("system", "check", *options)
        if status:
            raise Broken(f"system check ended with {status}: {out}{err}")

    def ids(self):
        return self.must("ps", "-a", "-q").split()

    def running(self):
        entries = json.loads(self.must("ps", "-a", "--json"))
        return {e["Pid"] for e in entries if e["State"] == "running"}

    def states(self):
        return {e["Names"]: e["State"] for e in json.loads(self.must("ps", "-a", "--json"))}

    def processes(self):
        return {pid: name for pid, name in processes().items() if pid not in self.ours}

    def snapshot(self):
        return snapshot(self.parent, self.dir)

    def learn_parent(self):
        """The control group of the instance, from one of its containers."""
        self.must("run", "-d", "--name", "first", "bb", "sleep", "1000")
        pid = json.loads(self.must("ps", "--json"))[0]["Pid"]
        group = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        self.parent = next(p for p in group.split("/") if p.startswith("redock-"))
        self.must("rm", "-f", "first")

    def recovers(self):
        """The next commands find or repair what a fault has left, within seconds."""
        dead = {pid for pid in self.running() if not os.path.exists(f"/proc/{pid}")}
        if ghosts := dead & self.running():  # it was dead before this one looked
            raise Broken(f"ps says that dead processes run: {ghosts}")
        for container in self.ids():
            self.must("rm", "-f", container)
        if self.ids():
            raise Broken("rm -f left a container")
        if self.must("run", "--rm", "bb", "echo", "hello") != "hello\n":
            raise Broken("run --rm does not say hello")
        self.must("create", "--name", "last", "bb", "true")
        self.must("rm", "last")

    def store_is_whole(self):
        """Every image's name leads to a manifest, a config and layers that are there."""
        root = self.root
        for manifest in (root / "images").glob("*/manifest"):
            digest = manifest.read_text().strip()
            algorithm, text = digest.split(":")
            document = json.loads((root / "blobs" / algorithm / text).read_text())
            for part in [document["config"], *document["layers"]]:
                algorithm, text = part["digest"].split(":")
                blob = root / "blobs" / algorithm / text
                if blob.stat().st_size != part["size"]:
                    raise Broken(f"{blob.name} is not as long as its manifest says")
        for kind in ("containers", "names", "pins"):
            left = [p.name for p in (root / kind).glob("*") if p.name != ".lock"]
            if left:
                raise Broken(f"{kind}/ is not empty: {left}")

    def nothing_left(self, before):
        """Compared with a snapshot from before; processes may take a moment to be reaped."""
        end = time.monotonic() + PATIENCE
        while (alive := self.processes()) and time.monotonic() < end:
            for pid in alive:
                try:
                    fd = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                wait_for(fd, end - time.monotonic())
        if alive:
            raise Broken(f"processes are left: {alive}")
        links_settle(before["links"])
        after = self.snapshot()
        for what, had in before.items():
            if more := after[what] - had:
                raise Broken(f"{what} are left: {sorted(more)[:5]}")
            if less := had - after[what]:
                raise Broken(f"{what} are gone that were not ours: {sorted(less)[:5]}")


def links_settle(wanted):
    """The kernel takes a dead namespace's links down in its own time, and says when."""
    if links() == wanted:
        return
    with subprocess.Popen(["ip", "-o", "monitor", "link"], stdout=subprocess.PIPE) as monitor:
        end = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(monitor.stdout, select.POLLIN)
        while links() != wanted and poll.poll(max(0, end - time.monotonic()) * 1000):
            os.read(monitor.stdout.fileno(), 65536)
        monitor.kill()


def wait_for(pidfd, seconds):
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll(max(0, seconds * 1000))
    os.close(pidfd)
