"""Runs one server and stops it when nobody holds its lock of users any more.

A script of the standard library alone, started by `server`: the kernel drops the locks of a process however
it ends, so SIGHUP, SIGTERM and SIGKILL end the server with its last user. As the server's parent it also
leaves no zombie, which would make PostgreSQL refuse the next start.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading

_STOP_S = 60


def main(own_lock: str, users_lock: str, user: str, group: str, *command: str) -> None:
    """Run `command`, as another user where one is given, until it ends; `own_lock` is held meanwhile."""
    as_user = {"user": int(user), "group": int(group), "extra_groups": []} if user else {}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **as_user)  # type: ignore[call-overload]
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: server.send_signal(signal.SIGINT))
    users = os.open(users_lock, os.O_RDWR | os.O_NOFOLLOW)
    threading.Thread(target=_stop_unused, args=(server, users), daemon=True).start()
    server.wait()
    # Before the users' lock, which the end of the process drops: its next holder must find no keeper.
    os.close(int(own_lock))


def _stop_unused(server: "subprocess.Popen[bytes]", users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)


if __name__ == "__main__":
    main(*sys.argv[1:])
