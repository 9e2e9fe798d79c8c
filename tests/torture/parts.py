"""What torture and power share: a small image, a registry, namespaces, and what a trace says."""
import concurrent.futures
import shutil
import subprocess
import sys
import threading

from invariants import Broken

PROGRAMS = ("redock", "redock-monitor", "redock-store", "redock-net", "redock-release",
            "redock-seccomp", "redock-registry")
REGISTRY = "127.0.0.1:5000"


def lines_of(trace):
    """A number of bytes, and then so many of text: what src/base/fault.c maps."""
    data = trace.read_bytes() if trace.exists() else bytes(8)
    used = int.from_bytes(data[:8], sys.byteorder)
    if used > len(data) - 8:
        raise Broken("the trace is longer than its file")
    return data[8:8 + used].decode().splitlines()


def steps_of(trace):
    """{program: steps} of an undisturbed run. A forked child counts on from its parent's number,
    so that the highest number is what KILL_AT can reach in one of them."""
    steps = {}
    for line in lines_of(trace):
        program, number, _ = line.split(" ", 2)
        if program in PROGRAMS:
            steps[program] = max(steps.get(program, 0), int(number))
    return steps


def points(total, at_most):
    """All numbers from 1 to `total`, or so many of them, evenly spread; 0: all."""
    if not at_most or total <= at_most:
        return range(1, total + 1)
    return [1 + i * total // at_most for i in range(at_most)]


def make_image(directory):
    """The smallest image that has a shell, and another one."""
    tree = directory / "image"
    for name in ("bin", "etc", "tmp", "root", "proc"):
        (tree / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
    for name in ("sh", "true", "echo", "cat", "sleep"):
        (tree / "bin" / name).symlink_to("busybox")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["tar", "-C", tree, "-cf", directory / "image.tar", "."], check=True)
    (tree / "made").write_text("made\n")
    subprocess.run(["tar", "-C", tree, "-cf", directory / "changed.tar", "."], check=True)
    return directory / "image.tar"


def start_registry(directory):
    """In our network namespace: nobody else has its port."""
    config = directory / "registry.yml"
    config.write_text(f"""version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {directory / "registry"}}}}}
http: {{addr: "{REGISTRY}"}}
""")
    process = subprocess.Popen(["docker-registry", "serve", str(config)], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    for line in process.stderr:
        if "listening on" in line:
            break
    else:
        raise Broken("docker-registry does not start")
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process


def say(good, text, seconds):
    """The line of one scenario, from inside its namespaces."""
    text = " | ".join(text.splitlines())
    print(f"{'ok' if good else 'not ok'} - {text} ({seconds:.0f} s)", flush=True)
    return 0 if good else 1


def in_namespaces(argv, name):
    """What a program of ours says in mount, pid and network namespaces of its own."""
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
                           "--kill-child", "--mount-proc", "--net", sys.executable, *argv],
                          text=True, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    lines = done.stdout.splitlines() or [""]
    if not lines[-1].startswith(("ok", "not ok")):
        return f"not ok - {name}: ended with {done.returncode}"
    return lines[-1]


def each_in_namespaces(argv_of, names, jobs):
    """Runs argv_of(name) for each, `jobs` at once, and prints TAP. Returns the verdicts."""
    verdicts = []
    print(f"1..{len(names)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(in_namespaces, argv_of(name), name) for name in names]
        for number, done in enumerate(concurrent.futures.as_completed(running), 1):
            verdict, text = done.result().split(" - ", 1)
            verdicts.append(verdict)
            print(f"{verdict} {number} - {text}", flush=True)
    return verdicts
