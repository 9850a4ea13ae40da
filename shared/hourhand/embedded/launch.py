"""Become another program that ends when its parent does, perhaps as another user (Linux only).

Run as a file, `python -I -S launch.py SIGNAL PARENT IDENTITY PROGRAM [ARGUMENT…]`, because none of this may
be done between fork and exec of a process that has threads. It imports nothing of hourhand. IDENTITY is
`same`, `namespace` (root becomes an ordinary user in a user namespace of its own) or `UID:GID`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
UNPRIVILEGED = 65534
CANNOT_LAUNCH = 126


def _libc(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _enter_namespace() -> None:
    """One user only, so files of ours stay ours: outside, this process is the same root as before."""
    _libc("unshare", CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{UNPRIVILEGED} 0 1")
    _write("/proc/self/gid_map", f"{UNPRIVILEGED} 0 1")


def _become(identity: str) -> None:
    if identity == "namespace":
        _enter_namespace()
    elif identity != "same":
        uid, gid = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _die_with(parent: int, number: int) -> None:
    _libc("prctl", PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew what we want
        sys.exit(CANNOT_LAUNCH)


def main(number: str, parent: str, identity: str, *command: str) -> None:
    _become(identity)
    _die_with(int(parent), int(number))  # last: the kernel forgets it when credentials change
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would hand that on
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[4]}: {error}")
