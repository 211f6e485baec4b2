"""A process that does not outlive its parent.

Standard library only, like the package around it: the embedded runner goes through here
at each start of each program.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, parent_pid: int | None) -> None:
    """Have the kernel send the signal to this process when its parent ends.

    ``parent_pid`` is the parent that is meant: if it has gone already, between the fork
    and this call, the process exits with status 1 at once. Survives exec; is not
    inherited by children; must follow a change of uid. Linux only; elsewhere it does
    nothing. Raises OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent_pid is not None and os.getppid() != parent_pid:
        # Past every handler: an orphan must not finish what it was about to do.
        os._exit(1)
